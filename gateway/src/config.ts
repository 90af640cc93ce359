/** What the environment variables say: the only reader of them. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type Env, readConfig, type Secret, secret } from '@easel/kit/config';
import { z } from 'zod';

export interface Config {
  /** Where Easel is, as `normalizeUrl` writes it. */
  readonly url: string | undefined;
  readonly token: Secret | undefined;
  /** The folder of the stored profiles and known hosts. */
  readonly configDir: string;
  readonly home: string;
  /** https://no-color.org, and terminals that say that they can do nothing. */
  readonly isColorRefused: boolean;
  /** The command that opens a page, in place of the desktop's own. */
  readonly browser: string | undefined;
  /** A browser that is opened here can be seen: not over SSH, and not without a desktop. */
  readonly hasDesktop: boolean;
}

/** An address of Easel: http or https, without user, query and closing slash. Throws a sentence that says what is wrong. */
export function normalizeUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new Error(`expected a URL like https://easel.example.com, got "${text}"`, { cause });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Error(`expected a URL that begins with http:// or https://, got "${text}"`);
  if (url.username || url.password || url.search || url.hash)
    throw new Error('expected a URL without user, password, "?" and "#"');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

const schema = z.object({
  EASEL_URL: z
    .string()
    .transform((text, context) => {
      try {
        return normalizeUrl(text);
      } catch (err) {
        context.addIssue((err as Error).message);
        return z.NEVER;
      }
    })
    .optional(),
  EASEL_TOKEN: secret().optional(),
  XDG_CONFIG_HOME: z.string().optional(),
  HOME: z.string().optional(),
  NO_COLOR: z.string().optional(),
  TERM: z.string().optional(),
  BROWSER: z.string().optional(),
  DISPLAY: z.string().optional(),
  WAYLAND_DISPLAY: z.string().optional(),
  SSH_CONNECTION: z.string().optional(),
  SSH_TTY: z.string().optional(),
});

/** Throws `ConfigError` with all problems at once. */
export function readSettings(env: Env): Config {
  const values = readConfig(schema, env);
  const home = values.HOME ?? homedir();
  const named = values.XDG_CONFIG_HOME;
  return {
    url: values.EASEL_URL,
    token: values.EASEL_TOKEN,
    configDir: join(named !== undefined && isAbsolute(named) ? named : join(home, '.config'), 'easel'),
    home,
    isColorRefused: values.NO_COLOR !== undefined || values.TERM === 'dumb',
    browser: values.BROWSER,
    hasDesktop: !values.SSH_CONNECTION && !values.SSH_TTY && hasDisplay(values),
  };
}

/** macOS and Windows have a desktop always. */
function hasDisplay({
  DISPLAY,
  WAYLAND_DISPLAY,
}: {
  DISPLAY?: string | undefined;
  WAYLAND_DISPLAY?: string | undefined;
}): boolean {
  return process.platform === 'darwin' || process.platform === 'win32' || Boolean(DISPLAY || WAYLAND_DISPLAY);
}
