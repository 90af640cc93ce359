/** The session cookie. Under https it is bound to this very host by its `__Host-` prefix (RFC 6265bis §4.1.3.2). */
import type { IncomingMessage } from 'node:http';
import { DEVICE_DAYS } from './known-devices.ts';
import type { NewSession } from './session.service.ts';

const PLAIN = 'easel_session';
const HOST_BOUND = '__Host-easel_session';
const DEVICE = 'easel_device';

/** The secret that the browser sent, or null. Under https only the host-bound cookie is set, so it goes first. */
export function sessionCookieOf(request: IncomingMessage): string | null {
  return cookieOf(request, HOST_BOUND) || cookieOf(request, PLAIN) || null;
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
  const value = cookieOf(request, `__Host-${DEVICE}`) || cookieOf(request, DEVICE);
  return value !== null && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : null;
}

/** Both `Set-Cookie` of a browser that has signed in: its session, and what it is known by the next time. */
export function sessionCookies(session: NewSession, { isSecure }: { isSecure: boolean }): string[] {
  const name = isSecure ? `__Host-${DEVICE}` : DEVICE;
  const secure = isSecure ? '; Secure' : '';
  const maxAge = DEVICE_DAYS * 86_400;
  const leftMs = session.expiresAt.getTime() - Date.now();
  return [
    sessionCookie(session.secret, { isSecure, maxAgeSeconds: Math.max(1, Math.floor(leftMs / 1000)) }),
    `${name}=${session.deviceSecret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${secure}`,
  ];
}

/** A `Set-Cookie` that keeps the secret; an empty one removes it. */
export function sessionCookie(secret: string, options: { isSecure: boolean; maxAgeSeconds: number }): string {
  const { isSecure, maxAgeSeconds } = options;
  const name = isSecure ? HOST_BOUND : PLAIN;
  return `${name}=${secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${isSecure ? '; Secure' : ''}`;
}
