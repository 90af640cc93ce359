import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { hostsFor } from './hosts.ts';

const address = (address: string, internal: boolean) => ({ address, internal, family: 'IPv4' }) as NetworkInterfaceInfo;

test('an address of this machine is the one for everybody', () => {
  expect(hostsFor('192.0.2.7')).toEqual({ listenHost: '192.0.2.7', publicHost: '192.0.2.7', localHost: '192.0.2.7' });
});

test('on all addresses people get one that others can reach, and processes of this machine the loopback', () => {
  const interfaces = { lo: [address('127.0.0.1', true)], eth0: [address('192.0.2.7', false)] };
  expect(hostsFor('0.0.0.0', interfaces)).toEqual({
    listenHost: '0.0.0.0',
    publicHost: '192.0.2.7',
    localHost: '127.0.0.1',
  });
});

test('a machine without a network still has itself', () => {
  expect(hostsFor('::', { lo: [address('127.0.0.1', true)] }).publicHost).toBe('127.0.0.1');
});
