import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimPorts as claim, freePort, type WantedPort } from './ports.ts';

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-ports-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const server of servers.splice(0)) server.close();
});

const claimPorts = (host: string, wanted: WantedPort[]) => claim(host, wanted, join(folder, 'ports.json'));

async function takenPort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

test('free ports are given as they were asked for', async () => {
  const port = await freePort();
  expect(await claimPorts('127.0.0.1', [{ port, option: '--port' }])).toEqual([port]);
});

test('zeroes become different free ports', async () => {
  const ports = await claimPorts('127.0.0.1', [
    { port: 0, option: '--port' },
    { port: 0, option: '--ssh-port' },
    { port: 0, option: '--relay-port' },
  ]);
  expect(new Set(ports).size).toBe(3);
  expect(ports.every((port) => port > 0)).toBe(true);
});

test('a taken port is named with the option that takes another', async () => {
  const port = await takenPort();
  await expect(
    claimPorts('127.0.0.1', [
      { port: 0, option: '--port' },
      { port, option: '--ssh-port' },
    ]),
  ).rejects.toThrow(`port ${port} is taken by another program: stop it, or use --ssh-port to take another.`);
});

test('one port for two uses is refused', async () => {
  await expect(
    claimPorts('127.0.0.1', [
      { port: 7080, option: '--port' },
      { port: 7080, option: '--relay-port' },
    ]),
  ).rejects.toThrow('--port and --relay-port are both 7080');
});

test('an address of another machine is refused', async () => {
  await expect(claimPorts('192.0.2.1', [{ port: 0, option: '--port' }])).rejects.toThrow(
    '192.0.2.1 is not an address of this machine: use --host to name another.',
  );
});

test('the next start takes the same free ports, but for those that are taken by now', async () => {
  const any: WantedPort[] = [
    { port: 0, option: '--port' },
    { port: 0, option: '--ssh-port' },
  ];
  const first = await claimPorts('127.0.0.1', any);
  expect(await claimPorts('127.0.0.1', any)).toEqual(first);
  const other = createServer();
  servers.push(other);
  await new Promise<void>((resolve) => other.listen(first[0], '127.0.0.1', resolve));
  const second = await claimPorts('127.0.0.1', any);
  expect([second[0] === first[0], second[1] === first[1]]).toEqual([false, true]);
});
