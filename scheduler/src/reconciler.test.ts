import { type FakeClock, fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { newId } from '@easel/schema/ids';
import { beforeEach, expect, test } from 'vitest';
import { FakePlatform, FakeServer } from './fakes.ts';
import { Reconciler } from './reconciler.ts';
import { PlatformRefusal } from './refusal.ts';

let server: FakeServer;
let platform: FakePlatform;
let clock: FakeClock;
let stopping: AbortController;

beforeEach(() => {
  server = new FakeServer();
  platform = new FakePlatform();
  clock = fakeClock();
  stopping = new AbortController();
});

function scheduler(): Reconciler {
  const signal = stopping.signal;
  return new Reconciler({ api: server, platform, log: silentLog, clock, metrics: createMetrics('test'), signal });
}
const types = () => server.observations.map((seen) => seen.type);

test('a wish to run makes a worker and says that it is placed', async () => {
  const reconciler = scheduler();
  const { id, environmentId, workerId } = server.wish('run');
  await reconciler.turn();
  await reconciler.idle();
  expect(platform.workers.get(environmentId)?.workerId).toBe(workerId);
  expect(server.stateOf(id)).toBe('placed');
});

test('a second turn changes nothing', async () => {
  const reconciler = scheduler();
  server.wish('run');
  for (let turn = 0; turn < 3; turn++) {
    reconciler.listAgain();
    await reconciler.turn();
    await reconciler.idle();
  }
  expect(platform.done).toEqual(['start']);
  expect(types()).toEqual(['placed']);
});

test('more than one claim gives is all begun in one turn, side by side', async () => {
  const reconciler = scheduler();
  for (let n = 0; n < 250; n++) server.wish('run');
  await reconciler.turn();
  await reconciler.idle();
  expect(platform.workers.size).toBe(250);
});

test('a wish to end ends the worker and keeps the volume; a wish to erase takes that, too', async () => {
  const reconciler = scheduler();
  const { id, environmentId } = server.wish('run');
  await reconciler.turn();
  await reconciler.idle();
  server.change(id, { wish: 'end', state: 'waiting' });
  await reconciler.turn();
  await reconciler.idle();
  expect([platform.workers.has(environmentId), platform.volumes.has(environmentId)]).toEqual([false, true]);
  expect(server.stateOf(id)).toBe('ended');
  server.wish('erase', { environmentId, workerId: null });
  await reconciler.turn();
  await reconciler.idle();
  expect(platform.volumes.has(environmentId)).toBe(false);
});

test('a worker that is gone is told of once, with its reason', async () => {
  const reconciler = scheduler();
  const { environmentId } = server.wish('run');
  await reconciler.turn();
  await reconciler.idle();
  platform.dies(environmentId, 'exit code 137');
  for (let turn = 0; turn < 2; turn++) {
    reconciler.listAgain();
    await reconciler.turn();
    await reconciler.idle();
  }
  expect(server.observations.slice(1)).toMatchObject([{ type: 'gone', reason: 'exit code 137' }]);
  expect(platform.done).toEqual(['start']);
});

test('killed between making the worker and telling: the next one tells, and makes no second worker', async () => {
  const first = scheduler();
  const { id } = server.wish('run');
  platform.before = () => {
    // From here on the first scheduler reaches nobody.
    server.isReachable = false;
  };
  await first.turn();
  await clock.advance(0);
  stopping.abort();
  await first.idle();
  expect(server.stateOf(id)).toBe('claimed');

  stopping = new AbortController();
  server.isReachable = true;
  platform.before = () => undefined;
  const second = scheduler();
  await second.turn();
  await second.idle();
  expect(server.stateOf(id)).toBe('placed');
  expect(platform.done).toEqual(['start']);
});

test('an act that fails says why, and is tried again', async () => {
  const reconciler = scheduler();
  const { id } = server.wish('run');
  let failures = 2;
  platform.before = () => {
    if (failures-- > 0) throw new Error('no process to be had');
  };
  await reconciler.turn();
  await clock.advance(10_000);
  await reconciler.idle();
  expect(types()).toEqual(['pending', 'pending', 'placed']);
  expect(server.observations[0]).toMatchObject({ reason: 'The worker cannot be started yet: no process to be had' });
  expect(server.stateOf(id)).toBe('placed');
});

test('what a retry would not mend fails the environment, and is not tried again', async () => {
  const reconciler = scheduler();
  server.wish('run');
  platform.before = () => {
    throw new PlatformRefusal('disk_full', 'no room is left');
  };
  await reconciler.turn();
  await reconciler.idle();
  await clock.advance(60_000);
  expect(server.observations).toMatchObject([
    { type: 'failed', failure: { class: 'disk_full', message: 'no room is left' } },
  ]);
});

test('a slow environment holds up no other', async () => {
  const reconciler = scheduler();
  const slow = server.wish('run');
  const quick = server.wish('run');
  const gate = Promise.withResolvers<void>();
  platform.before = (_verb, id) => (id === slow.environmentId ? gate.promise : undefined);
  await reconciler.turn();
  await clock.advance(0);
  expect([server.stateOf(slow.id), server.stateOf(quick.id)]).toEqual(['claimed', 'placed']);
  gate.resolve();
  await reconciler.idle();
  expect(server.stateOf(slow.id)).toBe('placed');
});

test('a wish that changes while the worker is made is fulfilled after it', async () => {
  const reconciler = scheduler();
  const { id, environmentId } = server.wish('run');
  const gate = Promise.withResolvers<void>();
  platform.before = (verb) => (verb === 'start' ? gate.promise : undefined);
  await reconciler.turn();
  server.change(id, { wish: 'end', state: 'waiting' });
  await reconciler.turn();
  gate.resolve();
  await reconciler.idle();
  expect(platform.done).toEqual(['start', 'end']);
  expect(platform.workers.has(environmentId)).toBe(false);
});

test('a lost lease stops further acts', async () => {
  const reconciler = scheduler();
  const { id } = server.wish('end');
  platform.before = () => {
    throw new Error('a container cannot be ended');
  };
  await reconciler.turn();
  await clock.advance(0);
  server.change(id, { state: 'placed' });
  await reconciler.renew();
  platform.before = () => undefined;
  await clock.advance(10_000);
  await reconciler.idle();
  expect(platform.done).toEqual([]);
});

test('after a restart over many environments the first turn finds nothing to do', async () => {
  for (let n = 0; n < 2_000; n++) {
    const { environmentId, workerId, generation } = server.wish('run', { state: 'placed' });
    if (workerId)
      platform.workers.set(environmentId, { environmentId, workerId, generation, state: { kind: 'running' } });
  }
  const reconciler = scheduler();
  const startedMs = performance.now();
  await reconciler.turn();
  await reconciler.idle();
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  expect(platform.done).toEqual([]);
  expect(server.observations).toEqual([]);
});

test('an old answer to a list does not bring back what has ended meanwhile', async () => {
  const reconciler = scheduler();
  const { id, environmentId } = server.wish('end', { workerId: newId('worker') });
  const stale = { ...server.placements.get(id)!, state: 'claimed' as const };
  const list = server.list.bind(server);
  const gate = Promise.withResolvers<void>();
  await reconciler.turn();
  await reconciler.idle();
  server.list = async () => {
    await gate.promise;
    server.list = list;
    return [stale];
  };
  reconciler.listAgain();
  const turn = reconciler.turn();
  const erase = server.wish('erase', { environmentId, workerId: null, generation: 2 });
  gate.resolve();
  await turn;
  await reconciler.idle();
  expect(server.stateOf(erase.id)).toBe('ended');
  expect(platform.volumes.has(environmentId)).toBe(false);
});

test('a platform that tells of a change while it is asked is asked once', async () => {
  const reconciler = scheduler();
  platform.before = (_verb, id) => reconciler.changed(id);
  server.wish('run');
  await reconciler.turn();
  await reconciler.idle();
  expect(platform.done).toEqual(['start']);
});
