/**
 * Cookies of ours. Under https each is bound to this very host by its `__Host-` prefix (RFC 6265bis §4.1.3.2), and only such
 * a one is read: one without it could have been planted from another name of the same domain, or over plain HTTP.
 */
import type { IncomingMessage } from 'node:http';
import { DEVICE_DAYS } from './known-devices.ts';
import type { NewSession } from './session.service.ts';

const SESSION = 'easel_session';
const HOST_BOUND = '__Host-';
const DEVICE = 'easel_device';

interface Security {
  /** People reach us by https. */
  isSecure: boolean;
}

/** The session's secret that the browser sent, or null. */
export function sessionCookieOf(request: IncomingMessage, security: Security): string | null {
  return hostCookieOf(request, SESSION, security);
}

/** The value of one of our own cookies, or null. */
export function hostCookieOf(request: IncomingMessage, name: string, { isSecure }: Security): string | null {
  return cookieOf(request, isSecure ? HOST_BOUND + name : name) || null;
}

/** The value of the cookie of this name, or null. */
export function cookieOf(request: IncomingMessage, name: string): string | null {
  const cookies = new Map(
    (request.headers.cookie ?? '').split(';').map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return at === -1 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
  return cookies.get(name) ?? null;
}

/** What the browser is known by, or null: anything else than a secret of ours is none. */
export function deviceSecretOf(request: IncomingMessage): string | null {
  const value = cookieOf(request, HOST_BOUND + DEVICE) || cookieOf(request, DEVICE);
  return value !== null && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : null;
}

/** Every `Set-Cookie` of a browser that has a session: the session, and after a sign-in what it is known by the next time. */
export function sessionCookies(
  session: Pick<NewSession, 'secret' | 'expiresAt'> & Partial<NewSession>,
  { isSecure }: Security,
): string[] {
  const { secret, expiresAt, deviceSecret } = session;
  const leftMs = expiresAt.getTime() - Date.now();
  const kept = sessionCookie(secret, { isSecure, maxAgeSeconds: Math.max(1, Math.floor(leftMs / 1000)) });
  if (deviceSecret === undefined) return [kept];
  const maxAgeSeconds = DEVICE_DAYS * 86_400;
  return [kept, hostCookie(DEVICE, deviceSecret, { isSecure, maxAgeSeconds, sameSite: 'Lax' })];
}

/** A `Set-Cookie` that keeps the secret; an empty one removes it. */
export function sessionCookie(secret: string, options: Security & { maxAgeSeconds: number }): string {
  return hostCookie(SESSION, secret, { ...options, sameSite: 'Lax' });
}

/** The same for another cookie of ours. */
export function hostCookie(
  name: string,
  value: string,
  options: Security & { maxAgeSeconds: number; sameSite: 'Lax' | 'Strict' },
): string {
  const { isSecure, maxAgeSeconds, sameSite } = options;
  const rest = `Path=/; HttpOnly; SameSite=${sameSite}; Max-Age=${maxAgeSeconds}${isSecure ? '; Secure' : ''}`;
  return `${isSecure ? HOST_BOUND : ''}${name}=${value}; ${rest}`;
}
