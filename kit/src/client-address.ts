import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * The address of the caller: each of the administrator's own `proxyHops` proxies has added the one that it saw at the end of
 * X-Forwarded-For; what stands before those the caller may have written himself. What is no address counts as the proxy's.
 */
export function clientAddress(request: IncomingMessage, proxyHops: number): string | undefined {
  const { remoteAddress } = request.socket;
  if (proxyHops === 0) return remoteAddress;
  const seen = String(request.headers['x-forwarded-for'] ?? '').split(',');
  const address = seen.at(-proxyHops)?.trim() ?? '';
  return isIP(address) === 0 ? remoteAddress : address;
}
