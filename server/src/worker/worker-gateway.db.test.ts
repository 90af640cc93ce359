import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { failure } from '@easel/schema/failure';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { routeUpgrades } from '../live/upgrade.ts';
import { createLogReader } from '../log/log-reader.ts';
import { presenceStore } from '../presence/presence.store.ts';
import { type House, openHouse } from './house.kit.ts';
import { dialWorker, newWorkerSecret, type PlacedWorker, READY, type TestWorker } from './test-worker.kit.ts';
import type { WorkerLimits } from './worker-connection.ts';
import { createWorkerGateway } from './worker-gateway.ts';

let house: House;
const open: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  house = await openHouse(process.env.EASEL_TEST_DATABASE_URL ?? '');
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => house?.close());

/** One replica's gateway. */
async function gateway(limits: Partial<WorkerLimits> = {}): Promise<string> {
  const made = createWorkerGateway({ ...house, heartbeatSeconds: 10, limits });
  const server: Server = createServer();
  routeUpgrades(server, { '/worker': made.upgrade });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    await made.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/worker`;
}

async function dial(...args: Parameters<typeof dialWorker>): Promise<TestWorker> {
  const worker = await dialWorker(...args);
  open.push(async () => worker.cut());
  return worker;
}

/** Dials, and waits for its welcome. */
async function greeted(...args: Parameters<typeof dialWorker>): Promise<TestWorker> {
  const worker = await dial(...args);
  await worker.message('worker.welcome');
  return worker;
}

const placed = async () => house.placed(await house.newUser());
const phase = async (worker: PlacedWorker) => (await house.environment(worker.environmentId)).phase;
const acked = (worker: TestWorker, number: number) => worker.message('report.ack', (ack) => ack.number >= number);
const started = { type: 'step.started', step: 'sources', text: 'cloning' } as const;
const finished = { type: 'step.finished', step: 'sources', durationMs: 5 } as const;

async function running(url: string, secret = newWorkerSecret()) {
  const place = await placed();
  const worker = await dial(url, place, { secret });
  await worker.message('worker.welcome');
  worker.report(1, READY);
  await acked(worker, 1);
  return { place, worker };
}

describe('hello', () => {
  it('is answered with everything that the worker needs', async () => {
    const url = await gateway();
    const place = await placed();
    const worker = await dial(url, place);
    const welcome = await worker.message('worker.welcome');
    expect(welcome).toMatchObject({ protocol: 1, heartbeatSeconds: 10, ackedReport: 0, ackedLog: 0 });
    expect(welcome.manifest).toMatchObject({
      environmentId: place.environmentId,
      workerId: place.workerId,
      generation: 1,
    });
    expect(welcome.manifest.sshHostKey).toContain('PRIVATE KEY');
    expect(welcome.relay?.url).toBe('ws://127.0.0.1:7081');
    expect(welcome.ticketKeys.keys).toHaveLength(1);
    expect(await phase(place)).toBe('starting');
    expect((await house.environment(place.environmentId)).connectivity).toBe('online');
  });

  it('may be said again by the same worker, and by no other', async () => {
    const url = await gateway();
    const place = await placed();
    const first = await dial(url, place);
    await first.message('worker.welcome');
    const thief = await dial(url, place);
    expect(await thief.message('worker.refused')).toMatchObject({ code: 'FORBIDDEN', isFinal: true });
    expect((await thief.closed).code).toBe(4403);
    const again = await dial(url, place, { secret: first.secret });
    await again.message('worker.welcome');
    expect((await first.closed).code).toBe(1012);
  });

  it.each([
    ['a wrong token', { token: 'x' }, 'FORBIDDEN', true],
    ['another generation', { generation: 2 }, 'FORBIDDEN', true],
    ['an old protocol', { protocol: { oldest: 0, newest: 0 } }, 'UNSUPPORTED_VERSION', true],
    ['a protocol of the future', { protocol: { oldest: 7, newest: 9 } }, 'UNSUPPORTED_VERSION', false],
  ])('with %s is refused', async (_, hello, code, isFinal) => {
    const url = await gateway();
    const place = await placed();
    const worker = await dial(url, place, { hello });
    expect(await worker.message('worker.refused')).toMatchObject({ code, isFinal });
    expect(await phase(place)).toBe('provisioning');
  });

  it('of an earlier start is refused for good', async () => {
    const url = await gateway();
    const owner = await house.newUser();
    const place = await house.placed(owner);
    const worker = await greeted(url, place);
    worker.report(1, { type: 'worker.failed', failure: failure({ class: 'internal', message: 'x' }) });
    await acked(worker, 1);
    await house.environments.start(owner, place.environmentId);
    worker.cut();
    const again = await dial(url, place, { secret: worker.secret });
    expect(await again.message('worker.refused')).toMatchObject({ code: 'GENERATION_STALE', isFinal: true });
  });

  it('must come first, in time, and once', async () => {
    const [url, hasty] = [await gateway(), await gateway({ helloMs: 60 })];
    const place = await placed();
    const eager = await dial(url, place, { hello: null });
    eager.report(1, started);
    expect((await eager.closed).code).toBe(4401);
    const mute = await dial(hasty, place, { hello: null });
    expect((await mute.closed).code).toBe(4505);
    const twice = await dial(url, place);
    const welcome = await twice.message('worker.welcome');
    twice.say({ ...welcome, type: 'worker.hello' });
    expect((await twice.closed).code).toBe(4400);
  });

  it('is no business of browsers', async () => {
    const url = await gateway();
    await expect(dialWorker(url, await placed(), { origin: 'https://easel.test' })).rejects.toThrow('403');
  });
});

describe('reports', () => {
  it('bring the environment to running and are acknowledged', async () => {
    const url = await gateway();
    const { place } = await running(url);
    const row = await house.environment(place.environmentId);
    expect(row).toMatchObject({ phase: 'running', runtime: 'process', inside: { user: 'dev', home: '/home/dev' } });
  });

  it('doubled or replayed change nothing and are acknowledged again', async () => {
    const url = await gateway();
    const place = await placed();
    const worker = await greeted(url, place);
    worker.report(1, started);
    worker.report(1, finished);
    worker.report(2, finished);
    await acked(worker, 2);
    const { version } = await house.environment(place.environmentId);
    worker.cut();
    const again = await dial(url, place, { secret: worker.secret });
    expect(await again.message('worker.welcome')).toMatchObject({ ackedReport: 2 });
    again.report(1, { type: 'worker.failed', failure: failure({ class: 'internal', message: 'doubled' }) });
    again.report(2, started);
    await acked(again, 2);
    again.report(3, READY);
    await acked(again, 3);
    expect(await phase(place)).toBe('running');
    expect((await house.environment(place.environmentId)).version).toBe(version + 1);
    const step = await house.db.step.findFirstOrThrow({
      where: { environmentId: place.environmentId, name: 'sources' },
    });
    expect(step).toMatchObject({ state: 'done', durationMs: 5 });
  });

  it('that leave a gap end the connection, and the replay fills it', async () => {
    const url = await gateway();
    const place = await placed();
    const worker = await dial(url, place);
    await worker.message('worker.welcome');
    worker.report(2, READY);
    expect((await worker.closed).code).toBe(4400);
    expect(await phase(place)).toBe('starting');
    const again = await greeted(url, place, { secret: worker.secret });
    again.report(1, started);
    again.report(2, READY);
    await acked(again, 2);
    expect(await phase(place)).toBe('running');
  });

  it('are applied once though two connections replay them to two replicas', async () => {
    const [one, two] = [await gateway(), await gateway()];
    for (let round = 0; round < 5; round++) {
      const place = await placed();
      const secret = newWorkerSecret();
      const first = await dial(one, place, { secret });
      const second = await dial(two, place, { secret });
      await Promise.all([first.message('worker.welcome'), second.message('worker.welcome')]);
      for (const worker of [first, second]) {
        worker.report(1, started);
        worker.report(2, finished);
        worker.report(3, READY);
      }
      await expect.poll(() => phase(place)).toBe('running');
      const last = await dial(one, place, { secret });
      expect(await last.message('worker.welcome')).toMatchObject({ ackedReport: 3 });
      const events = await house.db.environmentEvent.count({
        where: { environmentId: place.environmentId, to: 'running' },
      });
      expect(events).toBe(1);
    }
  });

  it('with characters that PostgreSQL refuses are stored without them', async () => {
    const url = await gateway();
    const place = await placed();
    const worker = await greeted(url, place);
    worker.report(1, { ...started, text: 'a\u0000b\ud800c' });
    worker.report(2, { ...READY, shell: '/bin/sh\u0000' });
    await acked(worker, 2);
    const step = await house.db.step.findFirstOrThrow({
      where: { environmentId: place.environmentId, name: 'sources' },
    });
    expect(step.text).toBe('ab\ufffdc');
  });

  it('that nobody can apply are passed over, so that the next ones count', async () => {
    const broken = { ...house.facts };
    broken.applyWorkerEvent = async (tx, worker, event, at) => {
      if (event.type === 'step.started') throw new TypeError('a bug');
      return house.facts.applyWorkerEvent(tx, worker, event, at);
    };
    const made = createWorkerGateway({ ...house, facts: broken, heartbeatSeconds: 10 });
    const server = createServer();
    routeUpgrades(server, { '/worker': made.upgrade });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(async () => {
      await made.close();
      await new Promise((resolve) => server.close(resolve));
    });
    const place = await placed();
    const worker = await greeted(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/worker`, place);
    worker.report(1, started);
    worker.report(2, READY);
    await acked(worker, 2);
    expect(await phase(place)).toBe('running');
  });
});

describe('what goes down', () => {
  it('is a stop, told at once though it was asked of another replica, and at once to who comes while stopping', async () => {
    const url = await gateway();
    const owner = await house.newUser();
    const place = await house.placed(owner);
    const worker = await greeted(url, place);
    worker.report(1, READY);
    await acked(worker, 1);
    await house.environments.stop(owner, place.environmentId);
    const stop = await worker.message('worker.stop');
    expect(stop.reason).toBe('asked by a user');
    expect(stop.deadlineSeconds).toBeGreaterThan(50);
    worker.cut();
    const again = await dial(url, place, { secret: worker.secret });
    await again.message('worker.stop');
    again.report(2, { type: 'worker.stopped', isClean: true });
    await acked(again, 2);
    expect(await phase(place)).toBe('stopped');
    // What it still has to say is taken; then it is sent away for good.
    again.lines(1, ['goodbye']);
    await again.message('log.ack');
  });

  it('are the keys, when they change', async () => {
    const url = await gateway();
    const owner = await house.newUser();
    const worker = await dial(url, await house.placed(owner));
    await worker.message('worker.welcome');
    await house.sshKeys.add(owner, { name: 'laptop', publicKey: `ssh-ed25519 ${sshKeyBlob()}` });
    const update = await worker.message('keys.update');
    expect(update.authorizedKeys).toHaveLength(1);
    expect(update.authorizedKeys[0]?.publicKey).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+$/);
  });
});

describe('heartbeats and lines', () => {
  it('show as presence, whatever the worker thinks of the time', async () => {
    const url = await gateway();
    const { place, worker } = await running(url);
    worker.beat({
      at: '2001-01-01T00:10:00.000Z',
      activity: { lastActiveAt: '2001-01-01T00:00:00.000Z', sources: ['terminal'] },
    });
    await expect
      .poll(async () => (await presenceStore.find(house.pool, [place.environmentId])).get(place.environmentId)?.beat, {
        timeout: 5000,
      })
      .toMatchObject({ ports: [{ port: 8080, process: 'node' }], activity: { sources: ['terminal'] } });
    const row = (await presenceStore.find(house.pool, [place.environmentId])).get(place.environmentId);
    expect(Math.abs((row?.lastSeenAt.getTime() ?? 0) - Date.now())).toBeLessThan(5000);
    const idleMs = Date.now() - Date.parse(row?.beat.activity?.lastActiveAt ?? '');
    expect(Math.abs(idleMs - 600_000)).toBeLessThan(5000);
  });

  it('of one hostile worker do not keep those of others from being stored', async () => {
    const url = await gateway();
    const [{ worker: bad }, { place, worker: good }] = [await running(url), await running(url)];
    bad.beat({ ports: [{ port: 1, process: '\u0000\ud800' }] });
    good.beat();
    await expect
      .poll(async () => (await presenceStore.find(house.pool, [place.environmentId])).get(place.environmentId)?.beat, {
        timeout: 5000,
      })
      .not.toBeNull();
  });

  it('are kept in order, once, over reconnects', async () => {
    const url = await gateway();
    const place = await placed();
    const reader = createLogReader({ database: house.pool, objects: house.objects });
    const worker = await greeted(url, place);
    worker.lines(1, ['one', 'two']);
    worker.lines(2, ['three']);
    await worker.message('log.ack', (ack) => ack.number === 2);
    worker.cut();
    const again = await dial(url, place, { secret: worker.secret });
    expect(await again.message('worker.welcome')).toMatchObject({ ackedLog: 2 });
    again.lines(2, ['three']);
    again.lines(3, ['four']);
    await again.message('log.ack', (ack) => ack.number === 3);
    const page = await reader.read(place.environmentId, {
      after: { generation: 1, line: -1 },
      maxLines: 100,
      source: null,
    });
    expect(page.lines.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'four']);
    again.lines(5, ['a gap']);
    expect((await again.closed).code).toBe(4400);
  });

  it('before a stop can be read when the stop shows', async () => {
    const url = await gateway();
    const { place, worker } = await running(url);
    worker.lines(1, ['the last words']);
    worker.report(2, { type: 'worker.failed', failure: failure({ class: 'script', message: 'x' }) });
    await acked(worker, 2);
    expect(await house.db.logChunk.count({ where: { environmentId: place.environmentId } })).toBe(1);
  });

  it('faster than allowed are read more slowly, and none is lost', async () => {
    const url = await gateway({ messages: { burst: 20, perSecond: 200 } });
    const { worker } = await running(url);
    const startMs = performance.now();
    for (let i = 0; i < 200; i++) worker.beat();
    worker.report(2, started);
    await acked(worker, 2);
    expect(performance.now() - startMs).toBeGreaterThan(500);
  });
});

/** The key blob of an ed25519 key: algorithm and 32 bytes, each with its length (RFC 8709 §4). */
function sshKeyBlob(): string {
  const name = Buffer.from('ssh-ed25519');
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), name, Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 7)]);
  return blob.toString('base64');
}
