/** Where a request comes from: settled once, at the door, by the number of proxies that stand before us. */
import type { IncomingMessage } from 'node:http';
import { clientAddress } from '@easel/kit/client-address';
import type { Device } from '../user/session.service.ts';
import { deviceSecretOf } from '../user/session-cookie.ts';

const settled = new WeakMap<IncomingMessage, string>();

export function settleAddress(request: IncomingMessage, proxyHops: number): void {
  settled.set(request, clientAddress(request, proxyHops) ?? '');
}

export function addressOf(request: IncomingMessage): string {
  return settled.get(request) ?? request.socket.remoteAddress ?? '';
}

export function deviceOf(request: IncomingMessage): Device {
  const userAgent = request.headers['user-agent'] ?? null;
  return { address: addressOf(request), userAgent, deviceSecret: deviceSecretOf(request) };
}
