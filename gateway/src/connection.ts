/** Which Easel a command talks to, and as whom: what was typed, else the environment variables, else what is stored. */
import { readFile } from 'node:fs/promises';
import { type Config, normalizeUrl } from './config.ts';
import { badUsage, CommandError } from './failure.ts';
import { type Io, readAll } from './io.ts';
import { readProfiles } from './profile.ts';

/** A token is some 60 letters; whatever is larger is another file. */
const MAX_TOKEN_BYTES = 4096;

/** The options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export interface Connection {
  readonly url: string;
  readonly token: string;
}

/**
 * A stored token goes only to the address it was stored for. Throws NOT_SIGNED_IN, or INVALID_INPUT for an address or a
 * file that is none.
 */
export async function findConnection(options: GlobalOptions, config: Config, io: Io): Promise<Connection> {
  const typed = typedUrl(options);
  const given = options.tokenFile === undefined ? config.token?.reveal() : await readToken(options.tokenFile, io);
  const named = typed ?? config.url;
  if (named !== undefined && given !== undefined) return { url: named, token: given };
  const { current, profiles } = await readProfiles(config.configDir);
  const url = named ?? current;
  if (url === null)
    throw new CommandError('NOT_SIGNED_IN', 'not signed in: run `easel sign-in URL`, or set EASEL_URL and EASEL_TOKEN');
  const token = given ?? profiles[url]?.token;
  if (token === undefined)
    throw new CommandError(
      'NOT_SIGNED_IN',
      `not signed in at ${url}: run \`easel sign-in ${url}\`, or set EASEL_TOKEN`,
    );
  return { url, token };
}

/** The address that was typed as `--url`. */
export function typedUrl(options: GlobalOptions): string | undefined {
  return options.url === undefined ? undefined : urlArgument(options.url);
}

/** An address among the arguments. Throws INVALID_INPUT. */
export function urlArgument(text: string): string {
  try {
    return normalizeUrl(text);
  } catch (err) {
    throw badUsage((err as Error).message, err);
  }
}

/** The token in a file; `-` is the standard input. */
export async function readToken(path: string, io: Io): Promise<string> {
  let text: string;
  try {
    text = path === '-' ? await readAll(io.stdin, MAX_TOKEN_BYTES) : await readFile(path, 'utf8');
  } catch (err) {
    throw badUsage(`cannot read the token from ${path}: ${(err as Error).message}`, err);
  }
  const token = text.trim();
  if (token === '') throw badUsage(`expected a token in ${path}, it is empty`);
  if (token.length > MAX_TOKEN_BYTES || !/^[\x21-\x7e]+$/.test(token))
    throw badUsage(`expected one token in ${path}, without blanks`);
  return token;
}
