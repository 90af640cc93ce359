/** What must be there before anybody can do anything: made at every start, and left alone where it is there already. */
import type { App } from './app.ts';
import type { Config } from './config.ts';

/** The local administrator, who is there from the first start. */
const ADMINISTRATOR = 'admin';
/** Long enough to find the link in the terminal and open it. */
const SIGN_IN_LINK_SECONDS = 3600;

export async function bootstrap({ services, sshAuthorities, tickets }: App, config: Config): Promise<void> {
  await tickets.rotate();
  await sshAuthorities.rotate();
  await services.instanceTypes.ensureFirst();
  const administrator = await services.users.ensureAdministrator(ADMINISTRATOR);
  if (config.EASEL_ADMIN_TOKEN) {
    await services.apiTokens.ensure(administrator.id, config.EASEL_ADMIN_TOKEN.reveal(), 'scripts of this machine');
  }
  if (config.EASEL_LOCAL_PLATFORM_TOKEN) {
    const { EASEL_LOCAL_PLATFORM_NAME: name, EASEL_LOCAL_PLATFORM_TOKEN: token } = config;
    await services.platforms.ensureLocal(name, token.reveal());
  }
  if (config.EASEL_SAMPLE_REPOSITORY_URL) {
    await services.templates.ensureSample({
      name: 'sample',
      description: 'A small project to try things with.',
      repository: { url: config.EASEL_SAMPLE_REPOSITORY_URL },
      image: config.EASEL_SAMPLE_IMAGE ?? null,
      // The sample repository of `npm start` has them; another one may do without.
      scripts: { init: sampleScript('init'), start: sampleScript('start'), stop: sampleScript('stop') },
    });
  }
}

function sampleScript(name: string): { run: string } {
  return { run: `if [ -f scripts/${name}.sh ]; then sh scripts/${name}.sh; fi` };
}

/** A link that signs the administrator in, once: the way back in when nothing else is left. */
export async function newSignInLink({ services, sessions }: App, publicUrl: string): Promise<string> {
  const administrator = await services.users.restoreAdministrator(ADMINISTRATOR);
  const link = new URL('/sign-in', publicUrl);
  link.searchParams.set('code', await sessions.newCode(administrator.id, SIGN_IN_LINK_SECONDS));
  return link.href;
}
