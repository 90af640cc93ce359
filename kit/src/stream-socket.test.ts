import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@easel/schema/errors';
import { STREAM_END } from '@easel/schema/wire/relay';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { dialStream } from './stream-dial.ts';
import { StreamReset, streamSocket } from './stream-socket.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(onRequest: (req: IncomingMessage, res: ServerResponse) => void = (_req, res) => res.end()) {
  const server = createServer(onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/` };
}

/** Two ends of one stream, and the sockets below. */
async function pair(options: { zeroMask?: boolean } = {}) {
  const { server, url } = await listen();
  const wss = new WebSocketServer({ server, perMessageDeflate: false });
  const accepted = Promise.withResolvers<{ ws: WebSocket; req: IncomingMessage; stream: Duplex }>();
  wss.on('connection', (ws, req) => accepted.resolve({ ws, req, stream: streamSocket(ws) }));
  const client = await dialStream({ url, token: 'tkt', ...options });
  const { ws, req, stream } = await accepted.promise;
  // A test's own end is a reset to the side that it leaves behind.
  for (const end of [client, stream]) end.on('error', () => undefined);
  cleanups.push(
    () => ws.terminate(),
    () => client.destroy(),
    () => stream.destroy(),
  );
  return { client, server: stream, serverWs: ws, req };
}

function failureOf(stream: Duplex): Promise<StreamReset> {
  return once(stream, 'error').then(([err]) => err);
}

describe('a stream over a WebSocket', () => {
  it.each([false, true])('carries bytes unchanged both ways at once (zero mask: %s)', async (zeroMask) => {
    const { client, server, req } = await pair({ zeroMask });
    expect(req.url).toBe('/base/connect');
    expect(req.headers.authorization).toBe('Bearer tkt');
    const bytes = randomBytes(5_000_003);
    const echo = pipeline(server, server);
    client.end(bytes);
    const back = await buffer(client);
    await echo;
    expect(createHash('sha256').update(back).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('lets one side end while the other goes on, then closes with 1000', async () => {
    const { client, server, serverWs } = await pair();
    const closed = once(serverWs, 'close');
    client.end('question');
    expect((await buffer(server)).toString()).toBe('question');
    server.write('ans');
    server.end('wer');
    expect((await buffer(client)).toString()).toBe('answer');
    expect((await closed)[0]).toBe(1000);
    expect(client.errored).toBeNull();
  });

  it('keeps what was sent before the end readable for a reader that comes late', async () => {
    const { client, server, serverWs } = await pair();
    const closed = once(serverWs, 'close');
    server.end('tail');
    server.resume();
    client.end();
    await closed;
    expect((await buffer(client)).toString()).toBe('tail');
  });

  it('holds the writer back while the reader does not read', async () => {
    const { client, server } = await pair();
    let written = 0;
    const block = Buffer.alloc(65_536, 7);
    while (written < 64 * 1024 * 1024) {
      written += block.length;
      if (!client.write(block)) {
        const drained = await Promise.race([
          once(client, 'drain').then(() => true),
          new Promise<false>((resolve) => setTimeout(resolve, 300, false)),
        ]);
        if (!drained) break;
      }
    }
    expect(written).toBeLessThan(32 * 1024 * 1024);
    client.end();
    const read = (await buffer(server)).length;
    expect(read).toBe(written);
  });

  it('fails with a reset when the other side goes without an end', async () => {
    const { client, serverWs } = await pair();
    const failed = failureOf(client);
    client.resume();
    serverWs.close(4505, 'too late');
    const err = await failed;
    expect(err).toBeInstanceOf(StreamReset);
    expect(err).toMatchObject({ code: 'ECONNRESET', closeCode: 4505, message: 'the stream was reset: too late' });
  });

  it('fails with a reset when the line is cut', async () => {
    const { client, serverWs } = await pair();
    const failed = failureOf(client);
    client.resume();
    serverWs.terminate();
    expect(await failed).toMatchObject({ closeCode: 1006 });
  });

  it('resets the other side when it is destroyed', async () => {
    const { client, server } = await pair();
    const failed = failureOf(server);
    server.resume();
    client.destroy();
    expect(await failed).toMatchObject({ closeCode: 1001 });
  });

  it.each([
    ['text that is no end', '{"type":"hello"}'],
    ['bytes after the end', STREAM_END],
  ])('refuses %s', async (_name, text) => {
    const { client, serverWs } = await pair();
    const failed = failureOf(client);
    client.resume();
    serverWs.send(text);
    serverWs.send(Buffer.from('more'));
    expect([1002, 1003]).toContain((await failed).closeCode);
  });
});

describe('dialStream', () => {
  const refuse = async (status: number, body: string, headers: Record<string, string> = {}) => {
    const { server, url } = await listen();
    server.on('upgrade', (_req, socket) => {
      const lines = Object.entries({ 'content-length': String(Buffer.byteLength(body)), ...headers });
      socket.end(
        `HTTP/1.1 ${status} No\r\nconnection: close\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`,
      );
    });
    return dialStream({ url, token: 'tkt' }).then(
      () => expect.unreachable(),
      (err: AppError) => err,
    );
  };

  it("throws the relay's code and message", async () => {
    const err = await refuse(503, '{"code":"WORKER_UNREACHABLE","message":"no worker waits"}', { 'retry-after': '2' });
    expect(err).toBeInstanceOf(AppError);
    expect(err).toMatchObject({ code: 'WORKER_UNREACHABLE', message: 'no worker waits', retryable: true });
    expect(err.details).toEqual({ retryAfterMs: 2000 });
  });

  it('judges an answer that is not of the relay by its status', async () => {
    expect(await refuse(403, '<html>')).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refuse(418, '')).toMatchObject({ code: 'PLATFORM_UNAVAILABLE' });
  });

  it('says when the relay cannot be reached', async () => {
    await expect(dialStream({ url: 'http://127.0.0.1:1', token: 'tkt' })).rejects.toMatchObject({
      code: 'PLATFORM_UNAVAILABLE',
    });
  });

  it('gives up after its time limit and when its signal aborts', async () => {
    const { server, url } = await listen();
    server.on('upgrade', (_req, socket) => void socket.on('error', () => undefined));
    await expect(dialStream({ url, token: 'tkt', timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const controller = new AbortController();
    const dialled = dialStream({ url, token: 'tkt', signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(dialled).rejects.toThrow('enough');
  });
});
