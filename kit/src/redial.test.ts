import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type FakeClock, fakeClock } from './fake-clock.ts';
import { silentLog } from './log.ts';
import { type RedialOptions, redial, type UpgradeRefusal } from './redial.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** A server on loopback. `refuse` answers upgrades with a status as long as it is set. */
async function listen(port = 0) {
  const sockets: WebSocket[] = [];
  const requests: IncomingMessage[] = [];
  const state = { refuse: undefined as string | undefined };
  const wss = new WebSocketServer({ noServer: true });
  const server: Server = createServer();
  server.on('upgrade', (req: IncomingMessage, raw: Duplex, head: Buffer) => {
    requests.push(req);
    if (state.refuse) return void raw.end(state.refuse);
    wss.handleUpgrade(req, raw, head, (socket) => void sockets.push(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, requests, state };
}

/** Lets time pass in small steps until `condition` holds; the network gets its turns in between. */
async function eventually(clock: FakeClock, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('not in 5 s');
    await clock.advance(10);
  }
}

function start(port: number, options: Partial<RedialOptions> = {}) {
  const clock = fakeClock();
  const controller = new AbortController();
  const seen = {
    opened: 0,
    messages: [] as string[],
    closed: [] as [number, string][],
    refused: [] as UpgradeRefusal[],
  };
  const line = redial({
    url: () => `ws://127.0.0.1:${port}`,
    clock,
    log: silentLog,
    signal: controller.signal,
    onOpen: () => void seen.opened++,
    onMessage: (data, isBinary) => void seen.messages.push(`${isBinary ? 'binary' : 'text'} ${data}`),
    onClose: (code, reason) => void seen.closed.push([code, reason]),
    onRefused: (refusal) => void seen.refused.push(refusal),
    ...options,
  });
  closers.push(() => controller.abort());
  return { line, clock, controller, seen, until: (condition: () => boolean) => eventually(clock, condition) };
}

it('carries messages both ways', async () => {
  const server = await listen();
  const { line, seen, until } = start(server.port, { headers: () => ({ authorization: 'Bearer t' }) });
  expect(line.send('too early')).toBe(false);
  await until(() => seen.opened === 1);
  const echoed: string[] = [];
  server.sockets[0]?.on('message', (data) => void echoed.push(data.toString()));
  expect(line.send('hello')).toBe(true);
  server.sockets[0]?.send('text here');
  server.sockets[0]?.send(Buffer.from('bytes here'));
  await until(() => echoed.length === 1 && seen.messages.length === 2);
  expect(seen.messages).toEqual(['text text here', 'binary bytes here']);
  expect(server.requests[0]?.headers.authorization).toBe('Bearer t');
  expect(line.bufferedBytes).toBe(0);
});

it('dials again after the server closed, with a fresh address', async () => {
  const server = await listen();
  let dials = 0;
  const { seen, until } = start(server.port, { url: () => `ws://127.0.0.1:${server.port}/${++dials}` });
  await until(() => seen.opened === 1);
  server.sockets[0]?.close(1012, 'restarting');
  await until(() => seen.opened === 2);
  expect(seen.closed).toEqual([[1012, 'restarting']]);
  expect(server.requests.map((req) => req.url)).toEqual(['/1', '/2']);
});

it('reaches a server that comes up later', async () => {
  const { port } = await listen();
  closers.splice(0)[0]?.();
  const { seen, clock, until } = start(port);
  await clock.advance(2_000);
  expect(seen.opened).toBe(0);
  await listen(port);
  await until(() => seen.opened === 1);
});

it('reports the status of a refused upgrade and waits as long as the server asks', async () => {
  const server = await listen();
  server.state.refuse =
    'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 9\r\nConnection: close\r\n\r\noverload\n';
  const { seen, clock, until } = start(server.port);
  await until(() => seen.refused.length === 1);
  expect(seen.refused[0]).toEqual({ status: 503, message: 'overload', retryAfterMs: 7_000 });
  server.state.refuse = undefined;
  await clock.advance(6_000);
  expect(seen.opened).toBe(0);
  await until(() => seen.opened === 1);
  expect(seen.closed).toEqual([]);
});

it('gives up after a status that is fatal', async () => {
  const server = await listen();
  server.state.refuse = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
  const { line, seen, until } = start(server.port, { fatal: (code) => code === 401 });
  await until(() => seen.refused.length === 1);
  expect(await line.closed).toEqual({ code: 401, reason: '' });
});

it('gives up after a close code that is fatal', async () => {
  const server = await listen();
  const { line, clock, seen, until } = start(server.port, { fatal: (code) => code === 4401 });
  await until(() => seen.opened === 1);
  server.sockets[0]?.close(4401, 'token expired');
  await until(() => seen.closed.length === 1);
  expect(await line.closed).toEqual({ code: 4401, reason: 'token expired' });
  await clock.advance(120_000);
  expect(server.requests).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

it('cuts a peer that does not answer pings, and dials again', async () => {
  const server = await listen();
  const { clock, seen, until } = start(server.port, { heartbeat: { everyMs: 1_000, timeoutMs: 500 } });
  await until(() => seen.opened === 1 && server.sockets.length === 1);
  server.sockets[0]?.pause();
  await clock.advance(1_400);
  expect(seen.closed).toEqual([]);
  await until(() => seen.closed.length === 1);
  expect(seen.closed[0]?.[0]).toBe(1006);
  await until(() => seen.opened === 2);
});

it('keeps a peer that answers', async () => {
  const server = await listen();
  const { clock, seen, until } = start(server.port, { heartbeat: { everyMs: 1_000, timeoutMs: 500 } });
  await until(() => seen.opened === 1);
  let pings = 0;
  server.sockets[0]?.on('ping', () => void pings++);
  await until(() => pings === 5);
  expect(seen.closed).toEqual([]);
  expect(clock.pending).toBeGreaterThan(0);
});

it('says goodbye when its signal aborts and leaves nothing behind', async () => {
  const server = await listen();
  const { line, clock, controller, seen, until } = start(server.port);
  await until(() => seen.opened === 1 && server.sockets.length === 1);
  const told = new Promise((resolve) => server.sockets[0]?.on('close', (code) => resolve(code)));
  controller.abort();
  expect(await told).toBe(1001);
  expect(await line.closed).toEqual({ code: 1001, reason: 'going away' });
  expect(line.socket).toBeUndefined();
  expect(clock.pending).toBe(0);
});

it('cuts a peer that does not answer its close', async () => {
  const server = await listen();
  const { line, seen, until } = start(server.port);
  await until(() => seen.opened === 1 && server.sockets.length === 1);
  server.sockets[0]?.pause();
  line.close(4000, 'done');
  line.close(4001, 'again');
  await until(() => seen.closed.length === 1);
  expect(await line.closed).toEqual({ code: 4000, reason: 'done' });
});

it('counts an address that cannot be had as a failed dial', async () => {
  const server = await listen();
  let asked = 0;
  const { seen, until } = start(server.port, {
    url: async () => {
      if (++asked < 3) throw new Error('no ticket');
      return `ws://127.0.0.1:${server.port}`;
    },
  });
  await until(() => seen.opened === 1);
  expect(asked).toBe(3);
});
