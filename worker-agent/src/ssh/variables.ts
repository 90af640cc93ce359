import type { SessionSetting } from '../tunnel/options.ts';

/**
 * The variables of a session: `env` over the image's own, `defaults` under them. What the client sends goes last, except
 * that it cannot say who it is.
 */
export function sessionVariables(
  setting: SessionSetting,
  { user, client }: { user: string; client: Readonly<Record<string, string>> },
): { env: Record<string, string>; defaults: Record<string, string> } {
  const { home, shell } = setting;
  return {
    env: {
      ...setting.env,
      ...client,
      HOME: home,
      SHELL: shell,
      USER: user,
      LOGNAME: user,
      // The client is behind the relay: no address of it is known, but programs look whether there is one.
      SSH_CONNECTION: '127.0.0.1 0 127.0.0.1 22',
      SSH_CLIENT: '127.0.0.1 0 22',
    },
    defaults: { LANG: 'C.UTF-8' },
  };
}
