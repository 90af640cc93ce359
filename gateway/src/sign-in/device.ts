/**
 * Sign-in on a machine without a browser: the command shows a short code; a person types it into Easel with any browser, on
 * whatever machine, and approves; meanwhile the command asks every few seconds whether that has happened. A server or network
 * that is away for a moment is asked again until the code is over. Source: RFC 8628.
 */
import { type Clock, systemClock } from '@easel/kit/clock';
import { z } from 'zod';
import { reach } from '../api/reach.ts';
import { CommandError } from '../failure.ts';

export interface DeviceCode {
  /** What the person types. */
  readonly userCode: string;
  /** Where. */
  readonly pageUrl: string;
  /** The same with the code in it, for a terminal whose links can be opened. */
  readonly completeUrl: string;
  readonly expiresInSeconds: number;
}

export interface DeviceSignInOptions {
  /** Easel's address. */
  readonly url: string;
  /** What the token is to be called: this machine. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Called once, when there is a code. */
  readonly show: (code: DeviceCode) => void;
}

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** Where the server does not say (RFC 8628 §3.2, §3.5). */
const INTERVAL_SECONDS = 5;
const SLOWER_SECONDS = 5;

const begunSchema = z.object({
  device_code: z.string().min(1),
  user_code: z.string().min(1).max(100),
  verification_uri: z.url({ protocol: /^https?$/ }),
  verification_uri_complete: z.url({ protocol: /^https?$/ }).optional(),
  expires_in: z.number().positive().max(86_400),
  interval: z.number().positive().max(600).optional(),
});
const tokenSchema = z.object({ access_token: z.string().min(1) });
const errorSchema = z.object({ error: z.string(), error_description: z.string().optional() });

/** Throws FORBIDDEN when it was denied, TIMED_OUT when nobody answered, UNSUPPORTED_VERSION for a server of before. */
export async function tokenByCode(options: DeviceSignInOptions): Promise<string> {
  const { url, name, signal, clock = systemClock, show } = options;
  const post = (path: string, form: Record<string, string>) =>
    postForm(new URL(`${url}/auth/device/${path}`), form, signal);
  const begun = begunSchema.safeParse(await post('code', { client_id: 'easel', device_name: name }));
  if (!begun.success) throw unsupported(url);
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = begun.data;
  const endMs = clock.now() + expires_in * 1000;
  show({
    userCode: user_code,
    pageUrl: verification_uri,
    completeUrl: verification_uri_complete ?? verification_uri,
    expiresInSeconds: expires_in,
  });
  for (let seconds = interval ?? INTERVAL_SECONDS; clock.now() < endMs; ) {
    await clock.sleep(seconds * 1000, signal);
    const body = await post('token', { client_id: 'easel', grant_type: GRANT, device_code }).catch((err: unknown) => {
      if (err instanceof CommandError && err.code === 'API_UNREACHABLE') return null;
      throw err;
    });
    const token = tokenSchema.safeParse(body);
    if (token.success) return token.data.access_token;
    const { error, error_description } = errorSchema.safeParse(body).data ?? { error: 'authorization_pending' };
    if (error === 'slow_down') seconds += SLOWER_SECONDS;
    else if (error === 'access_denied') throw new CommandError('FORBIDDEN', 'the sign-in was denied');
    else if (error === 'expired_token' || error === 'invalid_grant') break;
    else if (error !== 'authorization_pending') throw new CommandError('INTERNAL', error_description ?? error);
  }
  throw new CommandError(
    'TIMED_OUT',
    `nobody approved the code within ${Math.round(expires_in / 60)} minutes: run it again`,
  );
}

/** The answer's JSON; null for what is none. Throws what a server says that takes no more, or has no such thing. */
async function postForm(address: URL, form: Record<string, string>, signal: AbortSignal): Promise<unknown> {
  const answer = await reach(address, { method: 'POST', body: new URLSearchParams(form), signal });
  if (answer.status === 404) throw unsupported(address.origin);
  const body: unknown = await answer.json().catch(() => null);
  if (answer.status !== 429) return body;
  const said = errorSchema.safeParse(body).data?.error_description;
  throw new CommandError('RATE_LIMITED', said ?? 'too many attempts: try again later');
}

function unsupported(url: string): CommandError {
  return new CommandError('UNSUPPORTED_VERSION', `${url} knows no sign-in with a code: use a browser, or --token-file`);
}
