import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { clientAddress } from './client-address.ts';

const addressOf = (forwarded: string | undefined, proxyHops: number) =>
  clientAddress(
    { socket: { remoteAddress: '10.0.0.9' }, headers: { 'x-forwarded-for': forwarded } } as unknown as IncomingMessage,
    proxyHops,
  );

it.each([
  ['without a proxy, that of the connection', '203.0.113.1', 0, '10.0.0.9'],
  ['behind one, what that has seen', '203.0.113.1', 1, '203.0.113.1'],
  ['not what the caller has written before it', '198.51.100.7, 203.0.113.1', 1, '203.0.113.1'],
  ['behind two, what the first has seen', '1.2.3.4, 203.0.113.1, 10.0.0.1', 2, '203.0.113.1'],
  ['IPv6 too', '2001:db8::1', 1, '2001:db8::1'],
  ['the proxy’s, when it has added nothing', undefined, 1, '10.0.0.9'],
  ['the proxy’s, when there are fewer hops than said', '203.0.113.1', 2, '10.0.0.9'],
  ['the proxy’s, for what is no address', '<script>', 1, '10.0.0.9'],
])('is %s', (_what, forwarded, proxyHops, expected) => {
  expect(addressOf(forwarded, proxyHops)).toBe(expected);
});
