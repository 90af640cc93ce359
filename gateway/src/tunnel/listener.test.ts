import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { CommandError } from '../failure.ts';
import { echo, type FakeRelay, startFakeRelay } from '../testing/fake-relay.ts';
import { dialEnvironment } from './dial.ts';
import { type Listener, listen } from './listener.ts';
import type { TicketSource } from './tickets.ts';

// Other suites share the machine.
vi.setConfig({ testTimeout: 30_000 });
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 15_000 });

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function forwarded(inside: (stream: Duplex) => void = echo) {
  let relay = await startFakeRelay(inside);
  closers.push(() => relay.stop());
  const port = Number(new URL(relay.url).port);
  const refused: unknown[] = [];
  const tickets = fixedTickets(() => relay);
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    dial: (signal) => dialEnvironment(tickets, { signal }),
    onRefused: (err) => refused.push(err),
  });
  closers.push(() => listener.close());
  const restart = async (downMs: number) => {
    await relay.stop();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    relay = await startFakeRelay(inside, port);
  };
  return { listener, refused, tickets, restart, relay: () => relay };
}

function fixedTickets(relay: () => FakeRelay): TicketSource & { asked: number; dropped: number } {
  const source = {
    asked: 0,
    dropped: 0,
    get: () => Promise.resolve({ relayUrl: relay().url, token: `ticket-${++source.asked}` }),
    drop: () => void source.dropped++,
  };
  return source;
}

/** Sends the bytes, ends its side, and gives what comes back until the other side ends. */
async function exchange(listener: Listener, bytes: Buffer): Promise<Buffer> {
  const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(bytes);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

it('carries bytes both ways and a half-close', async () => {
  const { listener } = await forwarded();
  const sent = randomBytes(3_000_000);
  expect(hash(await exchange(listener, sent))).toBe(hash(sent));
});

it('carries many connections at once, each a stream of its own', async () => {
  const { listener, relay } = await forwarded();
  const sent = Array.from({ length: 40 }, () => randomBytes(50_000));
  const echoed = await Promise.all(sent.map((bytes) => exchange(listener, bytes)));
  expect(echoed.map(hash)).toEqual(sent.map(hash));
  expect(relay().tickets).toHaveLength(40);
  await eventually(() => relay().open).toBe(0);
});

it('lets the other side speak after ours has ended', async () => {
  const { listener } = await forwarded((stream) => {
    stream.resume();
    stream.on('end', () => setTimeout(() => stream.end('after the end'), 50));
  });
  expect((await exchange(listener, Buffer.from('hello'))).toString()).toBe('after the end');
});

it('holds a fast sender back while the reader is slow', async () => {
  let taken = 0;
  let inside: Duplex | undefined;
  const { listener } = await forwarded((stream) => {
    inside = stream;
  });
  const socket = connect({ port: listener.port, host: '127.0.0.1' });
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  const sentBytes = 64 * 1024 * 1024;
  let isSent = false;
  socket.end(Buffer.alloc(sentBytes), () => {
    isSent = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(isSent).toBe(false);
  inside?.on('data', (data: Buffer) => {
    taken += data.length;
  });
  await eventually(() => taken).toBe(sentBytes);
});

it('resets a connection whose stream is cut, so that half an answer is not taken for a whole one', async () => {
  const { listener } = await forwarded((stream) => {
    stream.write('half an ans');
    setTimeout(() => stream.destroy(new Error('gone')), 100);
  });
  const socket = connect({ port: listener.port, host: '127.0.0.1' });
  socket.resume();
  const [err] = await once(socket, 'error');
  expect(err).toMatchObject({ code: 'ECONNRESET' });
});

it('ends the stream when the local side is cut', async () => {
  const ended = Promise.withResolvers<void>();
  const { listener } = await forwarded((stream) => stream.resume().on('error', () => ended.resolve()));
  const socket = connect({ port: listener.port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.write('hello');
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.resetAndDestroy();
  await ended.promise;
});

it('goes on after the relay was restarted; who connects meanwhile waits', async () => {
  const { listener, restart } = await forwarded();
  expect((await exchange(listener, Buffer.from('before'))).toString()).toBe('before');
  const back = restart(700);
  const meanwhile = exchange(listener, Buffer.from('meanwhile'));
  await back;
  expect((await meanwhile).toString()).toBe('meanwhile');
  expect((await exchange(listener, Buffer.from('after'))).toString()).toBe('after');
});

it('says why when nobody listens on the port, and goes on listening', async () => {
  const { listener, relay, refused } = await forwarded();
  relay().refusal = () => ({ status: 502, code: 'PORT_CLOSED', message: 'nobody listens on port 8080' });
  await expect(exchange(listener, Buffer.from('hello'))).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(refused).toMatchObject([{ code: 'PORT_CLOSED', message: 'nobody listens on port 8080' }]);
  relay().refusal = () => null;
  expect((await exchange(listener, Buffer.from('again'))).toString()).toBe('again');
});

it('asks for a new ticket when the relay does not take the one it has, once', async () => {
  const { listener, relay, tickets, refused } = await forwarded();
  relay().refusal = (ticket) =>
    ticket === 'ticket-1' ? { status: 401, code: 'TICKET_INVALID', message: 'expired' } : null;
  expect((await exchange(listener, Buffer.from('hello'))).toString()).toBe('hello');
  expect(tickets.dropped).toBe(1);
  relay().refusal = () => ({ status: 401, code: 'TICKET_INVALID', message: 'never' });
  await expect(exchange(listener, Buffer.from('hello'))).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(refused).toMatchObject([{ code: 'TICKET_INVALID' }]);
  expect(tickets.asked).toBe(4);
});

it('waits for a server that is just restarting', async () => {
  const { listener, tickets } = await forwarded();
  const { get } = tickets;
  let failures = 2;
  tickets.get = () =>
    failures-- > 0
      ? Promise.reject(new CommandError('API_UNREACHABLE', 'away', {}, { retryable: true }))
      : get.call(tickets);
  expect((await exchange(listener, Buffer.from('hello'))).toString()).toBe('hello');
});

it('says clearly that a port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  closers.push(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const taken = listen({ host: '127.0.0.1', port, dial: () => Promise.reject(), onRefused: () => undefined });
  await expect(taken).rejects.toMatchObject({ code: 'PORT_TAKEN', message: expect.stringContaining(`port ${port}`) });
});

it('cuts what is open when it is closed', async () => {
  const { listener, relay } = await forwarded();
  const socket = connect({ port: listener.port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await eventually(() => relay().open).toBe(1);
  await listener.close();
  await eventually(() => relay().open).toBe(0);
});
