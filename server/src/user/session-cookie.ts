/** The session cookie. Under https it is bound to this very host by its `__Host-` prefix (RFC 6265bis §4.1.3.2). */
import type { IncomingMessage } from 'node:http';

const PLAIN = 'easel_session';
const HOST_BOUND = '__Host-easel_session';

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

/** A `Set-Cookie` that keeps the secret; an empty one removes it. */
export function sessionCookie(secret: string, options: { isSecure: boolean; maxAgeSeconds: number }): string {
  const { isSecure, maxAgeSeconds } = options;
  const name = isSecure ? HOST_BOUND : PLAIN;
  return `${name}=${secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${isSecure ? '; Secure' : ''}`;
}
