import { createHash, randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '@easel/kit/clock';
import { Health } from '@easel/kit/health';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { dialStream } from '@easel/kit/stream-dial';
import { AppError } from '@easel/schema/errors';
import { newId } from '@easel/schema/ids';
import { RELAY_PATHS } from '@easel/schema/wire/relay';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { FakeWorker, type OnStream } from '../../test/kit/fake-worker.ts';
import { TicketOffice } from '../../test/kit/ticket-office.ts';
import { config } from './config.ts';
import { Relay } from './relay.ts';
import { Tickets } from './tickets.ts';

// Sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

let office: TicketOffice;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  office = await TicketOffice.open();
  cleanups.push(() => office.close());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRelay(env: Record<string, string> = {}) {
  const metrics = createMetrics('relay');
  const health = new Health({ metrics });
  const options = config.parse({ EASEL_PORT: '0', EASEL_SERVER_URL: office.url, ...env });
  const tickets = new Tickets({ serverUrl: options.serverUrl, clock: systemClock, log: silentLog });
  const relay = new Relay({ config: options, tickets, health, metrics, clock: systemClock, log: silentLog });
  const port = await relay.listen();
  health.ready = true;
  cleanups.push(() => relay.close(0));
  return { relay, port, url: `http://127.0.0.1:${port}`, metrics };
}

const echo: OnStream = () => (stream) => void pipeline(stream, stream).catch(() => undefined);

async function startWorker(url: string, onStream: OnStream = echo, environmentId = newId('environment')) {
  const worker = await FakeWorker.start(url, await office.worker({ environmentId }), onStream);
  cleanups.push(() => worker.stop());
  return { worker, environmentId };
}

/** A stream to a new environment, with the worker's end of it. */
async function openPair(url: string) {
  const theirs = Promise.withResolvers<Duplex>();
  const { worker, environmentId } = await startWorker(url, () => theirs.resolve);
  const client = await dialStream({ url, token: await office.client({ environmentId }) });
  client.on('error', () => undefined);
  cleanups.push(() => client.destroy());
  return { client, inside: await theirs.promise, worker, environmentId };
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it was not refused'),
    (err: AppError) => err,
  );

describe('a stream through the relay', () => {
  it('carries bytes unchanged both ways', async () => {
    const { url } = await startRelay();
    const { environmentId } = await startWorker(url);
    const client = await dialStream({ url, token: await office.client({ environmentId }) });
    const bytes = randomBytes(8_000_000);
    client.end(bytes);
    expect((await buffer(client)).equals(bytes)).toBe(true);
  });

  it('keeps fifty streams apart', async () => {
    const { url } = await startRelay();
    const { environmentId } = await startWorker(url);
    const token = await office.client({ environmentId });
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const bytes = randomBytes(200_000);
        const client = await dialStream({ url, token });
        client.end(bytes);
        expect((await buffer(client)).equals(bytes)).toBe(true);
      }),
    );
  });

  it('mixes nothing up between streams of many speeds', async () => {
    const { url } = await startRelay();
    await Promise.all(
      Array.from({ length: 24 }, async (_, number) => {
        const { client, inside } = await openPair(url);
        const isSlow = number % 3 === 0;
        const sends = [send(client, randomBytes(1_500_000)), send(inside, randomBytes(1_500_000))];
        const received = [receive(inside, isSlow), receive(client, isSlow)];
        expect(await Promise.all(received)).toEqual(await Promise.all(sends));
      }),
    );
  });

  it('lets either side end first and loses no tail', async () => {
    const { url } = await startRelay();
    const first = await openPair(url);
    first.client.end('ask');
    expect((await buffer(first.inside)).toString()).toBe('ask');
    const tail = randomBytes(1_000_000);
    first.inside.end(tail);
    expect((await buffer(first.client)).equals(tail)).toBe(true);

    const second = await openPair(url);
    second.inside.end(tail);
    expect((await buffer(second.client)).equals(tail)).toBe(true);
    second.client.end('thanks');
    expect((await buffer(second.inside)).toString()).toBe('thanks');
  });

  it('holds the sender back while the receiver does not read, and harms no other stream', async () => {
    const { url } = await startRelay();
    const stalled = await openPair(url);
    let sent = 0;
    const block = randomBytes(65_536);
    const full = () =>
      Promise.race([
        once(stalled.inside, 'drain').then(() => false),
        new Promise<boolean>((resolve) => setTimeout(resolve, 300, true)),
      ]);
    for (let isFull = false; !isFull && sent < 100 * 1024 * 1024; sent += block.length) {
      if (!stalled.inside.write(block)) isFull = await full();
    }
    expect(sent).toBeLessThan(40 * 1024 * 1024);
    const other = await openPair(url);
    other.inside.end('quick');
    expect((await buffer(other.client)).toString()).toBe('quick');
    stalled.inside.end();
    expect((await buffer(stalled.client)).length).toBe(sent);
  });

  it('resets one side with 1001 when the other dies', async () => {
    const { url } = await startRelay();
    const { client, inside } = await openPair(url);
    const lost = once(client, 'error');
    client.resume();
    inside.destroy(new Error('gone'));
    // The worker's own close frame says more than the relay could.
    expect((await lost)[0]).toMatchObject({ closeCode: 1011 });

    const theirs = Promise.withResolvers<Duplex>();
    const other = await startWorker(url, () => theirs.resolve);
    const ticket = await office.client({ environmentId: other.environmentId });
    const cut = new WebSocket(`${url}/connect?ticket=${ticket}`);
    const stream = await theirs.promise;
    if (cut.readyState !== WebSocket.OPEN) await once(cut, 'open');
    const failed = once(stream, 'error');
    stream.resume();
    cut.terminate();
    expect((await failed)[0]).toMatchObject({ closeCode: 1001 });
  });
});

describe('the way to a stream', () => {
  it('refuses in HTTP, with the code and the message', async () => {
    const { url } = await startRelay();
    const { environmentId } = await startWorker(url, () => {
      throw new AppError({ code: 'PORT_CLOSED', message: 'nothing listens on port 8080' });
    });
    expect(await refusal(dialStream({ url, token: await office.client({ environmentId }) }))).toMatchObject({
      code: 'PORT_CLOSED',
      message: 'nothing listens on port 8080',
    });
    const elsewhere = await office.client({ environmentId: newId('environment') });
    expect(await refusal(dialStream({ url, token: elsewhere }))).toMatchObject({
      code: 'WORKER_UNREACHABLE',
      details: { retryAfterMs: 2000 },
    });
    expect(await refusal(dialStream({ url, token: 'nonsense' }))).toMatchObject({ code: 'TICKET_INVALID' });
    const expired = await office.client({ environmentId }, -1);
    expect(await refusal(dialStream({ url, token: expired }))).toMatchObject({
      code: 'TICKET_INVALID',
      message: 'the ticket has expired: ask for a new one',
    });
    const asWorker = await office.worker({ environmentId });
    expect(await refusal(dialStream({ url, token: asWorker }))).toMatchObject({ code: 'TICKET_INVALID' });
  });

  it('says in time that the worker did not come, and when it is lost while it was awaited', async () => {
    const { url } = await startRelay();
    const { worker, environmentId } = await startWorker(url, () => new Promise(() => undefined));
    const waiting = refusal(dialStream({ url, token: await office.client({ environmentId }) }));
    await once(worker.control, 'message');
    worker.stop();
    expect(await waiting).toMatchObject({ code: 'WORKER_UNREACHABLE' });
  });

  it("takes only the asked worker's leg", async () => {
    const { url } = await startRelay();
    const { worker, environmentId } = await startWorker(url, () => new Promise(() => undefined));
    const dialled = dialStream({ url, token: await office.client({ environmentId }) });
    dialled.catch(() => undefined);
    const { streamId } = JSON.parse(String((await once(worker.control, 'message'))[0]));
    const path = `${RELAY_PATHS.stream}${streamId}`;
    const stranger = await office.worker({ environmentId: newId('environment') });
    expect(await refusal(dialStream({ url, path, token: stranger }))).toMatchObject({ code: 'FORBIDDEN' });
    const twin = await office.worker({ environmentId });
    expect(await refusal(dialStream({ url, path, token: twin }))).toMatchObject({ code: 'FORBIDDEN' });
    const other = `${RELAY_PATHS.stream}${newId('stream')}`;
    expect(await refusal(dialStream({ url, path: other, token: twin }))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('forgets a client that leaves before it is answered', async () => {
    const { url, metrics, relay } = await startRelay();
    const { worker, environmentId } = await startWorker(url, () => new Promise(() => undefined));
    const leaving = new AbortController();
    const dialled = dialStream({ url, token: await office.client({ environmentId }), signal: leaving.signal });
    dialled.catch(() => undefined);
    await once(worker.control, 'message');
    leaving.abort();
    await expect
      .poll(async () => {
        relay.beat();
        return metrics.text();
      })
      .toContain('easel_relay_open_seconds_count{service="relay",outcome="gone"} 1');
    expect(await metrics.text()).toContain('easel_relay_openings{service="relay"} 0');
  });

  it('lets only pages of the server dial, and programs', async () => {
    const { url } = await startRelay({ EASEL_ALLOWED_ORIGINS: 'https://easel.example' });
    const { environmentId } = await startWorker(url);
    const ticket = await office.client({ environmentId });
    const dial = (origin: string) => new WebSocket(`${url}/connect?ticket=${ticket}`, { origin });
    const [, refused] = await once(dial('https://evil.example'), 'unexpected-response');
    expect(refused.statusCode).toBe(403);
    const good = dial('https://easel.example');
    await once(good, 'open');
    good.terminate();
  });

  it('keeps to its limits', async () => {
    const { url } = await startRelay({
      EASEL_STREAMS_PER_ENVIRONMENT: '2',
      EASEL_STREAMS_PER_USER: '3',
      EASEL_DIALS_PER_SOURCE_PER_SECOND: '2',
    });
    const { environmentId } = await startWorker(url);
    const userId = newId('user');
    const token = await office.client({ environmentId, userId });
    const open = [await dialStream({ url, token }), await dialStream({ url, token })];
    expect(await refusal(dialStream({ url, token }))).toMatchObject({ code: 'RATE_LIMITED' });
    const other = await startWorker(url);
    const otherToken = await office.client({ environmentId: other.environmentId, userId });
    open.push(await dialStream({ url, token: otherToken }));
    expect(await refusal(dialStream({ url, token: otherToken }))).toMatchObject({
      message: 'a user has at most 3 streams',
    });
    for (const stream of open) stream.end();
    await Promise.all(open.map((stream) => buffer(stream)));
    await expect
      .poll(() =>
        dialStream({ url, token }).then(
          (stream) => stream.destroy(),
          () => undefined,
        ),
      )
      .toBeTruthy();
    let last: AppError | undefined;
    for (let i = 0; i < 25 && last?.message.includes('address') !== true; i++) {
      last = await refusal(dialStream({ url, token: 'nonsense' }));
    }
    expect(last).toMatchObject({ code: 'RATE_LIMITED', message: 'too many dials from this address: wait a little' });
  });

  it('waits for keys that it does not know, and goes on with the last ones when the server is away', async () => {
    const { url } = await startRelay();
    const { environmentId } = await startWorker(url);
    await office.close();
    const stream = await dialStream({ url, token: await office.client({ environmentId }) });
    stream.destroy();
    office.changeKey();
    const strange = await office.client({ environmentId });
    expect(await refusal(dialStream({ url, token: strange }))).toMatchObject({ code: 'TICKET_INVALID' });
    cleanups.shift();
  });
});

describe('the workers that wait', () => {
  it('are replaced by a newer generation, and an older one is refused', async () => {
    const { url } = await startRelay();
    const environmentId = newId('environment');
    const tokens = await Promise.all([1, 2, 3].map((generation) => office.worker({ environmentId, generation })));
    const second = await FakeWorker.start(url, tokens[1]!, echo);
    const closed = second.closed;
    const third = await FakeWorker.start(url, tokens[2]!, echo);
    cleanups.push(() => third.stop());
    expect(await closed).toBe(4414);
    await expect(FakeWorker.start(url, tokens[0]!, echo)).rejects.toThrow('409');
    third.stop();
    await expect(FakeWorker.start(url, tokens[1]!, echo)).rejects.toThrow('409');
  });

  it('may come back, and no twin may take their place', async () => {
    const { url } = await startRelay();
    const environmentId = newId('environment');
    const token = await office.worker({ environmentId });
    const first = await FakeWorker.start(url, token, echo);
    const closed = first.closed;
    const again = await FakeWorker.start(url, token, echo);
    cleanups.push(() => again.stop());
    expect(await closed).toBe(1001);
    await expect(FakeWorker.start(url, await office.worker({ environmentId }), echo)).rejects.toThrow('403');
  });

  it('are sent for a new ticket when theirs expires', async () => {
    const { url } = await startRelay();
    const token = await office.worker({ environmentId: newId('environment') }, 2);
    const worker = await FakeWorker.start(url, token, echo);
    expect(await worker.closed).toBe(4412);
  });

  it('are put out for nonsense', async () => {
    const { url } = await startRelay();
    const { worker } = await startWorker(url);
    const closed = worker.closed;
    worker.control.send('{"type":"stream.stolen"}');
    expect(await closed).toBe(4400);
  });
});

describe('the stop', () => {
  it('lets open streams go on until they end, and refuses new ones', async () => {
    const { url, relay } = await startRelay();
    const { client, inside, environmentId } = await openPair(url);
    const closed = relay.close(10_000);
    expect(await refusal(dialStream({ url, token: await office.client({ environmentId }) }))).toMatchObject({
      code: 'OVERLOADED',
    });
    client.end('still here');
    expect((await buffer(inside)).toString()).toBe('still here');
    inside.end('so am I');
    expect((await buffer(client)).toString()).toBe('so am I');
    await closed;
  });

  it('sends workers to the relay that takes over while open streams go on', async () => {
    const { url, relay } = await startRelay();
    const { worker, client, inside, environmentId } = await openPair(url);
    const closed = relay.close(10_000);
    expect(await worker.closed).toBe(1001);
    await expect(FakeWorker.start(url, await office.worker({ environmentId }), echo)).rejects.toThrow('503');
    client.end('still here');
    expect((await buffer(inside)).toString()).toBe('still here');
    inside.end();
    await buffer(client);
    await closed;
  });

  it('closes what is still open at the deadline with 1001', async () => {
    const { url, relay } = await startRelay();
    const { client } = await openPair(url);
    client.resume();
    const lost = once(client, 'error');
    await relay.close(50);
    expect((await lost)[0]).toMatchObject({ closeCode: 1001 });
  });
});

describe('the port', () => {
  it('tells health and numbers, and nothing else', async () => {
    const { url, port } = await startRelay();
    await openPair(url);
    const get = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return [response.status, await response.text()] as const;
    };
    expect((await get('/healthz'))[0]).toBe(200);
    expect((await get('/readyz'))[0]).toBe(200);
    expect((await get('/metrics'))[1]).toContain('easel_relay_open_seconds_count{service="relay",outcome="ok"} 1');
    expect(await get('/connect')).toEqual([404, expect.stringContaining('NOT_FOUND')]);
    const req = request({ port, path: '/connect', headers: { connection: 'upgrade', upgrade: 'websocket' } }).end();
    const [res] = await once(req, 'response');
    expect(res.statusCode).toBe(400);
  });

  it('ends connections whose request does not come', async () => {
    const { port } = await startRelay();
    const socket: Socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET /connect HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`);
    const answer = (await buffer(socket)).toString();
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
  });
});

/** Sends in pieces of many sizes; gives the hash of all. */
async function send(stream: Duplex, bytes: Buffer): Promise<string> {
  for (let at = 0; at < bytes.length; ) {
    const size = randomInt(10) === 0 ? randomInt(1, 200_000) : randomInt(1, 3_000);
    if (!stream.write(bytes.subarray(at, at + size))) await once(stream, 'drain');
    at += size;
  }
  stream.end();
  return createHash('sha256').update(bytes).digest('hex');
}

async function receive(stream: Duplex, isSlow: boolean): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) {
    hash.update(chunk);
    if (isSlow && randomInt(4) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return hash.digest('hex');
}
