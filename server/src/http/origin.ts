/**
 * Whether a browser's page may call us. The address of the page must be ours: the public one, or the very host that the
 * request names. (A page of another name that resolves to us is let through too, but without a session: cookies belong to
 * the name.)
 */
import type { IncomingMessage } from 'node:http';

export function isAllowedOrigin(
  origin: string,
  request: IncomingMessage,
  known: { publicUrl: string | null },
): boolean {
  if (origin === known.publicUrl) return true;
  const host = request.headers.host;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
