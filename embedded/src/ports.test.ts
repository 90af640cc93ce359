import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { claimPorts, freePort } from './ports.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

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
