import type { IncomingMessage } from 'node:http';
import type { Device } from '../user/session.service.ts';

/** Where a request comes from. Behind a proxy it is the proxy's address. */
export function deviceOf({ socket, headers }: IncomingMessage): Device {
  return { address: socket.remoteAddress ?? '', userAgent: headers['user-agent'] ?? null };
}
