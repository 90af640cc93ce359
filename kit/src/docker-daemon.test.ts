import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { dockerAddress, pingDocker } from './docker-daemon.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function answerOnSocket(listener: RequestListener): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-docker-'));
  const socket = join(folder, 'd.sock');
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  closers.push(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return `unix://${socket}`;
}

test('DOCKER_HOST is read as Docker reads it', () => {
  expect(dockerAddress(undefined)).toEqual({ socketPath: '/var/run/docker.sock' });
  expect(dockerAddress('')).toEqual({ socketPath: '/var/run/docker.sock' });
  expect(dockerAddress('unix:///run/user/1000/docker.sock')).toEqual({ socketPath: '/run/user/1000/docker.sock' });
  expect(dockerAddress('tcp://127.0.0.1:2376')).toEqual({ host: '127.0.0.1', port: 2376 });
  expect(dockerAddress('tcp://[::1]')).toEqual({ host: '::1', port: 2375 });
  expect(dockerAddress('ssh://me@there')).toBeNull();
});

test('a daemon that answers is there', async () => {
  const host = await answerOnSocket((_req, res) => res.writeHead(200, { 'api-version': '1.41' }).end('OK'));
  expect(await pingDocker(host)).toEqual({ isThere: true, apiVersion: '1.41' });
});

test('something else that answers is no daemon', async () => {
  const host = await answerOnSocket((_req, res) => res.writeHead(200).end('hello'));
  expect(await pingDocker(host)).toEqual({ isThere: false, reason: `what answers on ${host} is not a Docker daemon` });
});

test('the reason names the address that nobody answers on', async () => {
  expect(await pingDocker('unix:///nowhere/docker.sock')).toEqual({
    isThere: false,
    reason: 'no Docker daemon answers on unix:///nowhere/docker.sock',
  });
  expect(await pingDocker('ssh://me@there')).toMatchObject({
    isThere: false,
    reason: expect.stringContaining('DOCKER_HOST=ssh'),
  });
});
