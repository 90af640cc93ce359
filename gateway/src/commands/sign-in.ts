/** sign-in, sign-out, whoami. */
import { hostname } from 'node:os';
import { meQuery } from '../api/account.ts';
import { apiTokensQuery, revokeApiTokenMutation } from '../api/tokens.ts';
import { findConnection, readToken, typedUrl, urlArgument } from '../connection.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../failure.ts';
import { plain } from '../output/clean.ts';
import { forgetProfile, readProfiles, storeProfile } from '../profile.ts';
import { openBrowser } from '../sign-in/browser.ts';
import { tokenByCode } from '../sign-in/device.ts';
import { listenForToken } from '../sign-in/loopback.ts';

/** Where `npm start` serves when nobody has said otherwise. */
const LOCAL_URL = 'http://127.0.0.1:7080';

export async function signIn(
  context: Context,
  text: string | undefined,
  { browser = true, device = false }: { browser?: boolean; device?: boolean },
): Promise<void> {
  const { config, io, options, out } = context;
  const url = text === undefined ? await defaultUrl(context) : urlArgument(text);
  if (isInClear(url)) out.note(`${url} is not encrypted: whoever sits between can read the token`);
  const isGiven = options.tokenFile !== undefined;
  const token = isGiven
    ? await readToken(options.tokenFile ?? '-', io)
    : await tokenFromPerson(context, { url, isOpened: browser, isByCode: device });
  const me = await (await context.apiAt({ url, token })).ask(meQuery, {}, { isRepeatable: true });
  if (!me) throw new CommandError('UNAUTHENTICATED', `${url} does not know this token`);
  await storeProfile(config.configDir, url, { token, login: me.login, origin: isGiven ? 'given' : 'browser' });
  out.json({ url, login: me.login });
  out.line(`Signed in at ${url} as ${out.paint('bold', me.login)}`);
}

/** Forgets the token, and revokes it when it was made for this command. */
export async function signOut(context: Context): Promise<void> {
  const { config, out, options } = context;
  const { current, profiles } = await readProfiles(config.configDir);
  const url = typedUrl(options) ?? config.url ?? current;
  const profile = url === null ? undefined : profiles[url];
  if (url === null || !profile)
    throw new CommandError('NOT_SIGNED_IN', url === null ? 'not signed in' : `not signed in at ${url}`);
  const isRevoked = profile.origin === 'browser' && (await revoke(context, url, profile.token));
  await forgetProfile(config.configDir, url);
  out.json({ url, isRevoked });
  out.line(`Signed out at ${url}`);
}

export async function whoami(context: Context): Promise<void> {
  const { config, io, options, out } = context;
  const { url } = await findConnection(options, config, io);
  const me = await (await context.api()).ask(meQuery, {}, { isRepeatable: true });
  if (!me) throw new CommandError('UNAUTHENTICATED', `${url} does not know the token: run \`easel sign-in ${url}\``);
  out.json({ url, ...me });
  out.line(`${out.paint('bold', me.login)}${me.name && me.name !== me.login ? ` (${me.name})` : ''} at ${url}`);
  if (me.isAdministrator) out.line('an administrator');
}

/** With a browser here, or with a code and any browser elsewhere. */
async function tokenFromPerson(
  context: Context,
  { url, isOpened, isByCode }: { url: string; isOpened: boolean; isByCode: boolean },
): Promise<string> {
  const { config } = context;
  if (isByCode) return tokenFromCode(context, url);
  if (!isOpened || config.browser !== undefined || config.hasDesktop)
    return tokenFromBrowser(context, { url, isOpened });
  try {
    context.out.note('There is no browser on this machine that you could see: signing in with a code.');
    return await tokenFromCode(context, url);
  } catch (err) {
    if (!(err instanceof CommandError) || err.code !== 'UNSUPPORTED_VERSION') throw err;
    return tokenFromBrowser(context, { url, isOpened: false });
  }
}

function tokenFromCode({ io }: Context, url: string): Promise<string> {
  return tokenByCode({
    url,
    name: hostname(),
    signal: io.signal,
    // Not a remark: without it nobody could go on, with --json too.
    show: ({ userCode, pageUrl, completeUrl, expiresInSeconds }) =>
      io.stderr.write(
        `Open this page with any browser, and enter the code:\n  ${plain(pageUrl)}\n  ${plain(userCode)}\n` +
          `or open ${plain(completeUrl)}\nIt is good for ${Math.round(expiresInSeconds / 60)} minutes.\n`,
      ),
  });
}

async function tokenFromBrowser(
  context: Context,
  { url, isOpened }: { url: string; isOpened: boolean },
): Promise<string> {
  const { config, io } = context;
  const listener = await listenForToken({ url, name: hostname(), signal: io.signal });
  try {
    // Not a remark: without it nobody could go on, with --json too.
    io.stderr.write(`Sign in here, with a browser on this machine:\n  ${listener.pageUrl}\n`);
    if (isOpened) await openBrowser(listener.pageUrl, { browser: config.browser, env: io.env });
    return await listener.token;
  } finally {
    listener.close();
  }
}

async function defaultUrl({ config, options }: Context): Promise<string> {
  return typedUrl(options) ?? config.url ?? (await readProfiles(config.configDir)).current ?? LOCAL_URL;
}

/** Never throws: who signs out is signed out, whether or not the server can be reached. */
async function revoke(context: Context, url: string, token: string): Promise<boolean> {
  try {
    const api = await context.apiAt({ url, token });
    const tokens = await api.ask(apiTokensQuery, {}, { isRepeatable: true });
    const [own, ...others] = tokens.filter(({ prefix }) => token.startsWith(prefix));
    // A prefix that several share does not say which one this is.
    if (!own || others.length > 0) return false;
    await api.ask(revokeApiTokenMutation, { id: own.id });
    return true;
  } catch (err) {
    context.out.note(`the token is forgotten here but could not be revoked: ${(err as Error).message}`);
    return false;
  }
}

/** Plain http to another machine. */
function isInClear(url: string): boolean {
  const { protocol, hostname: host } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
}
