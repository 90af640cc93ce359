import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { STREAM_END } from '@easel/schema/wire/relay';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { FrameLine } from './frame-line.ts';
import { type Line, maxPieceBytes, Outbox, SocketLine } from './line.ts';
import { dialLine } from './line-dial.ts';
import { StreamReset, streamSocket } from './stream-socket.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(onRequest: RequestListener = (_req, res) => res.end()) {
  const server = createServer(onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/` };
}

/** What a line gives, kept. */
function record(line: Line) {
  const kept = { chunks: [] as Buffer[], ended: false, drains: 0, closed: Promise.withResolvers<Error | undefined>() };
  const ended = Promise.withResolvers<void>();
  line.attach({
    onData: (chunk) => {
      kept.chunks.push(Buffer.from(chunk));
      chunk.fill(0xee);
    },
    onEnd: () => {
      kept.ended = true;
      ended.resolve();
    },
    onDrain: () => {
      kept.drains++;
    },
    onClose: kept.closed.resolve,
  });
  const bytes = () => Buffer.concat(kept.chunks);
  return { kept, bytes, ended: ended.promise, closed: kept.closed.promise };
}

/** A line, and the stream at its other end. */
async function pair() {
  const { server, url } = await listen();
  const accepted = Promise.withResolvers<{ ws: WebSocket; stream: Duplex }>();
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws, req) => {
    expect([req.url, req.headers.authorization]).toEqual(['/base/connect', 'Bearer tkt']);
    accepted.resolve({ ws, stream: streamSocket(ws) });
  });
  const line = await dialLine({ url, token: 'tkt' });
  const recorded = record(line);
  const { ws, stream } = await accepted.promise;
  stream.on('error', () => undefined);
  cleanups.push(
    () => ws.terminate(),
    () => line.destroy(),
    () => stream.destroy(),
  );
  return { line, ...recorded, ws, stream };
}

/** A line whose other end says exactly these bytes, and what that end hears. */
async function raw() {
  const accepted = Promise.withResolvers<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, accepted.resolve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  await once(near, 'connect');
  const far = await accepted.promise;
  const line = new FrameLine(near, Buffer.alloc(0));
  cleanups.push(
    () => far.destroy(),
    () => server.close(),
    () => line.destroy(),
  );
  return { line, far, ...record(line) };
}

describe('a line over a WebSocket', () => {
  it('carries bytes unchanged both ways at once, and closes when both have ended', async () => {
    const { line, stream, bytes, closed } = await pair();
    void pipeline(stream, stream);
    const sent = randomBytes(3_000_003);
    for (let at = 0, next = 0; at < sent.length; at = next) {
      next = at + randomInt(1, 100_000);
      line.write(sent.subarray(at, next));
      if (randomInt(3) === 0) await new Promise(setImmediate);
    }
    line.end();
    expect(await closed).toBeUndefined();
    expect(bytes().equals(sent)).toBe(true);
  });

  it.each([1, 125, 126, 127, 65_535, 65_536])('carries a message of %d bytes', async (length) => {
    const { line, stream } = await pair();
    const sent = randomBytes(length);
    line.write(sent);
    line.end();
    expect((await buffer(stream)).equals(sent)).toBe(true);
    stream.end();
  });

  it('goes on after the other side has ended', async () => {
    const { line, stream, ended, bytes, closed } = await pair();
    stream.end('first');
    await ended;
    expect(bytes().toString()).toBe('first');
    line.write(Buffer.from('second'));
    line.end();
    expect((await buffer(stream)).toString()).toBe('second');
    expect(await closed).toBeUndefined();
  });

  it('ends once, and sends nothing after it', async () => {
    const { line, stream, closed } = await pair();
    line.write(Buffer.from('all'));
    line.end();
    line.write(Buffer.from(' and more'));
    line.end();
    expect((await buffer(stream)).toString()).toBe('all');
    line.end();
    stream.end();
    expect(await closed).toBeUndefined();
  });

  it('says when the other side does not read, and when it does again', async () => {
    const { line, stream, kept } = await pair();
    const block = randomBytes(maxPieceBytes);
    let sentBytes = 0;
    while (!line.isFull && sentBytes < 512 * 1024 * 1024) {
      line.write(block);
      sentBytes += block.length;
      await new Promise(setImmediate);
    }
    expect(line.isFull).toBe(true);
    expect(line.waitingBytes).toBeGreaterThan(0);
    let left = sentBytes;
    stream.on('data', (bytes: Buffer) => {
      left -= bytes.length;
    });
    await expect.poll(() => left).toBe(0);
    expect(kept.drains).toBeGreaterThan(0);
    expect(line.isFull).toBe(false);
  });

  it('does not read while it is paused', async () => {
    const { line, stream, bytes } = await pair();
    line.pause();
    const block = randomBytes(1024 * 1024);
    let isTaken = true;
    for (let i = 0; i < 64 && isTaken; i++) {
      isTaken = await Promise.race([
        new Promise<boolean>((resolve) => stream.write(block, () => resolve(true))),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
      ]);
    }
    expect(isTaken).toBe(false);
    expect(bytes().length).toBeLessThan(1024 * 1024);
    line.resume();
    await expect.poll(() => bytes().length % block.length === 0 && bytes().length > 0).toBe(true);
  });

  it('fails with the code when the other side gives up, and tells it when this one does', async () => {
    const first = await pair();
    first.ws.close(1011, 'gone');
    const err = await first.closed;
    expect(err).toBeInstanceOf(StreamReset);
    expect((err as StreamReset).closeCode).toBe(1011);
    const second = await pair();
    const code = once(second.ws, 'close').then(([said]) => said);
    second.line.destroy();
    expect(await second.closed).toBeInstanceOf(StreamReset);
    expect(await code).toBe(1001);
    const third = await pair();
    third.ws.terminate();
    expect(((await third.closed) as StreamReset).closeCode).toBe(1006);
  });

  it('reads frames wherever they are cut, puts none together, and answers pings', async () => {
    const { far, bytes, ended } = await raw();
    const frames = Buffer.concat([
      Buffer.from([0x02, 3]),
      Buffer.from('abc'),
      Buffer.from([0x89, 2]),
      Buffer.from('hi'),
      Buffer.from([0x00, 0]),
      Buffer.from([0x80, 126, 0, 2]),
      Buffer.from('de'),
      Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1]),
      Buffer.from('f'),
      Buffer.from([0x8a, 0]),
      Buffer.from([0x81, STREAM_END.length]),
      Buffer.from(STREAM_END),
    ]);
    const heard = once(far, 'data').then(([chunk]) => chunk as Buffer);
    far.setNoDelay(true);
    for (const byte of frames) {
      far.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await ended;
    expect(bytes().toString()).toBe('abcdef');
    expect(await heard).toEqual(Buffer.concat([Buffer.from([0x8a, 0x82, 0, 0, 0, 0]), Buffer.from('hi')]));
  });

  it.each([
    ['a masked frame', [0x82, 0x81, 0, 0, 0, 0, 1], 1002],
    ['reserved bits', [0xc2, 1, 1], 1002],
    ['an unknown opcode', [0x83, 1, 1], 1002],
    ['a control frame in fragments', [0x09, 0], 1002],
    ['a control frame that is too long', [0x89, 126, 0, 126], 1002],
    ['a continuation of nothing', [0x80, 1, 1], 1002],
    ['a new message inside another', [0x02, 1, 1, 0x82, 1, 1], 1002],
    ['a text that is no end', [0x81, 1, 65], 1003],
    ['more after its end', [0x81, STREAM_END.length, ...Buffer.from(STREAM_END), 0x82, 1, 1], 1002],
    ['a second end', [...[1, 2].flatMap(() => [0x81, STREAM_END.length, ...Buffer.from(STREAM_END)])], 1003],
  ])('closes with a code on %s', async (_name, said, code) => {
    const { far, closed } = await raw();
    const heard = once(far, 'data').then(([chunk]) => chunk as Buffer);
    far.write(Buffer.from(said));
    expect(((await closed) as StreamReset).closeCode).toBe(code);
    const frame = await heard;
    expect([frame[0], frame.readUInt16BE(6)]).toEqual([0x88, code]);
  });
});

describe('dialling a line', () => {
  it('throws what the relay meant', async () => {
    const refusal = JSON.stringify({ code: 'RATE_LIMITED', message: 'too many' });
    const { url } = await listen((_req, res) => res.writeHead(429, { 'retry-after': '3' }).end(refusal));
    await expect(dialLine({ url, token: 'tkt' })).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'too many',
      details: { retryAfterMs: 3000 },
    });
  });

  it('throws when nobody answers, in time or at all, or somebody else does', async () => {
    const { server, url } = await listen(() => undefined);
    await expect(dialLine({ url, token: 'tkt', timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const aborted = dialLine({ url, token: 'tkt', signal: AbortSignal.timeout(50) });
    await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' });
    server.on('upgrade', (_req, socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    });
    await expect(dialLine({ url, token: 'tkt' })).rejects.toMatchObject({ code: 'PLATFORM_UNAVAILABLE' });
    server.closeAllConnections();
    server.close();
    await expect(dialLine({ url, token: 'tkt' })).rejects.toMatchObject({ code: 'PLATFORM_UNAVAILABLE' });
  });
});

describe('a line on a socket', () => {
  it('carries bytes unchanged both ways, and closes when both have ended', async () => {
    const server = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    await once(near, 'connect');
    cleanups.push(() => server.close());
    const line = new SocketLine(near);
    const { bytes, ended, closed } = record(line);
    const sent = randomBytes(2_000_003);
    line.write(sent);
    line.end();
    await ended;
    expect(await closed).toBeUndefined();
    expect(bytes().equals(sent)).toBe(true);
  });
});

describe('the outbox', () => {
  it('sends everything once and in order, and writes over nothing that still waits', async () => {
    const waiting: Buffer[] = [];
    const taken: Buffer[] = [];
    const take = () => taken.push(...waiting.splice(0).map((bytes) => Buffer.from(bytes)));
    const outbox = new Outbox({
      headroom: 14,
      send: (memory, begin, end) => {
        const isRoomy = waiting.length === 0 && randomInt(2) === 0;
        memory.fill(0xff, begin - 14, begin);
        waiting.push(memory.subarray(begin, end));
        if (isRoomy) take();
      },
      isClear: () => waiting.length === 0,
    });
    const sent: Buffer[] = [];
    for (let i = 0; i < 3_000; i++) {
      const piece = randomBytes(randomInt(i % 7 === 0 ? maxPieceBytes : 400));
      sent.push(piece);
      outbox.write(piece);
      if (randomInt(4) === 0) await new Promise(setImmediate);
      if (randomInt(10) > 0) continue;
      take();
      outbox.flush();
    }
    outbox.flush();
    take();
    expect(Buffer.concat(taken).equals(Buffer.concat(sent))).toBe(true);
    expect(() => outbox.reserve(maxPieceBytes + 1)).toThrow(RangeError);
  });
});
