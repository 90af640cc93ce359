import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@easel/kit/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Queryable } from '../db.ts';
import { type House, openHouse } from '../worker/house.kit.ts';
import { READY, someBeat } from '../worker/test-worker.kit.ts';
import { createHeard } from './heard.ts';
import { createPresence } from './presence.service.ts';
import { presenceStore } from './presence.store.ts';
import { createSteady, tellSilent, watchSilence } from './silence.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse(process.env.EASEL_TEST_DATABASE_URL ?? '');
});
afterAll(() => house?.close());

/** An environment that runs, and its worker. */
async function running() {
  const placed = await house.placed(await house.newUser());
  await house.facts.workerAccess({
    type: 'worker.hello',
    protocol: { oldest: 1, newest: 1 },
    agentVersion: '0',
    secret: 'a'.repeat(64),
    ...placed,
  });
  await house.db.$transaction((tx) => house.facts.applyWorkerEvent(tx, placed, READY, new Date()));
  return placed;
}
const newHeard = () => createHeard({ heartbeatMs: 10_000, lostMs: 30_000 });
const stateOf = async (id: Parameters<House['environment']>[0]) => {
  const { phase, connectivity } = await house.environment(id);
  return `${phase} ${connectivity}`;
};
const write = (
  placed: { environmentId: never | string; generation: number },
  ageMs: number,
  beat: string | null = null,
) =>
  presenceStore.introduce(house.pool, [
    { environmentId: placed.environmentId as never, generation: placed.generation, ageMs, beat },
  ]);

describe('heartbeats', () => {
  it('of many workers are one statement', async () => {
    const workers = await Promise.all(Array.from({ length: 30 }, running));
    let statements = 0;
    const counting = {
      query: (...args: Parameters<House['pool']['query']>) => {
        statements++;
        return house.pool.query(...args);
      },
    } as unknown as Queryable;
    const ending = new AbortController();
    const presence = createPresence({ ...house, heard: newHeard(), database: counting, onUncertain: () => undefined });
    for (const worker of workers) for (let i = 0; i < 5; i++) presence.beat(worker, someBeat());
    const runs = presence.run(ending.signal);
    ending.abort();
    await runs;
    expect(statements).toBe(1);
    const ids = workers.map(({ environmentId }) => environmentId);
    expect((await presenceStore.find(house.pool, ids)).size).toBe(30);
  });

  it('of another generation, and of environments that are not there, are dropped', async () => {
    const worker = await running();
    await write({ ...worker, generation: 7 }, 0);
    await write({ environmentId: 'env00000000000000000000000000', generation: 1 }, 0);
    expect((await presenceStore.find(house.pool, [worker.environmentId])).size).toBe(0);
  });

  it('never set the clock back, and a sign of life keeps the numbers', async () => {
    const worker = await running();
    const { type: _, at: __, ...beat } = someBeat();
    await write(worker, 0, JSON.stringify(beat));
    const first = (await presenceStore.find(house.pool, [worker.environmentId])).get(worker.environmentId);
    await write(worker, 60_000);
    const second = (await presenceStore.find(house.pool, [worker.environmentId])).get(worker.environmentId);
    expect(second).toEqual(first);
    expect(first?.beat?.ports).toEqual([{ port: 8080, process: 'node' }]);
  });

  it('keep what git said until a worker has looked again', async () => {
    const worker = await running();
    const { type: _, at: __, ...beat } = someBeat();
    const dirty = [{ path: 'shop', branch: 'main', commit: null, uncommitted: 2, unpushed: 0 }];
    await write(worker, 0, JSON.stringify({ ...beat, git: dirty }));
    const { git: ___, ...unlooked } = beat;
    await write(worker, 0, JSON.stringify(unlooked));
    const kept = (await presenceStore.find(house.pool, [worker.environmentId])).get(worker.environmentId);
    expect(kept?.beat?.git).toEqual(dirty);
    await write(worker, 0, JSON.stringify({ ...beat, git: [] }));
    const clean = (await presenceStore.find(house.pool, [worker.environmentId])).get(worker.environmentId);
    expect(clean?.beat?.git).toEqual([]);
  });

  it('are told to those in this process who watch, and to nobody by notification', async () => {
    const worker = await running();
    // What the start itself has told is over by then.
    await sleep(300);
    const reader = house.live.environment(worker.environmentId);
    const notified: string[] = [];
    const client = await house.pool.connect();
    client.on('notification', ({ payload = '' }) => {
      if (payload.includes(worker.environmentId)) notified.push(payload);
    });
    await client.query('LISTEN easel');
    house.presence.beat(worker, someBeat());
    expect((await reader.next()).value).toEqual({ kind: 'changed' });
    house.presence.beat(worker, someBeat());
    await sleep(1500);
    await client.query('UNLISTEN *');
    client.release();
    expect(notified).toEqual([]);
    // The second one came too soon after the first.
    expect(await Promise.race([reader.next(), sleep(10)])).toBeUndefined();
    await reader.return?.();
  });

  it('heard by another replica are noticed by who watches here', async () => {
    const worker = await running();
    await write(worker, 0, '{}');
    const hints = await presenceStore.fresh(house.pool, {
      environmentIds: [],
      ownerIds: [worker.ownerId],
      withinMs: 10_000,
    });
    expect(hints).toEqual([{ id: worker.environmentId, ownerId: worker.ownerId }]);
  });

  it('are kept while the database is away', async () => {
    const worker = await running();
    let isAway = true;
    let uncertain = 0;
    const flaky = {
      query: (...args: Parameters<House['pool']['query']>) =>
        isAway ? Promise.reject(new Error('away')) : house.pool.query(...args),
    } as unknown as Queryable;
    const ending = new AbortController();
    const presence = createPresence({ ...house, heard: newHeard(), database: flaky, onUncertain: () => uncertain++ });
    const runs = presence.run(ending.signal);
    presence.beat(worker, someBeat());
    await expect.poll(() => uncertain, { timeout: 5000 }).toBeGreaterThan(0);
    isAway = false;
    await expect
      .poll(async () => (await presenceStore.find(house.pool, [worker.environmentId])).size, { timeout: 5000 })
      .toBe(1);
    ending.abort();
    await runs;
  });
});

describe('silence', () => {
  const look = () => tellSilent({ ...house, database: house.pool, lostMs: 30_000 });

  it('interrupts after the limit, not before it, and a beat brings it back', async () => {
    const worker = await running();
    await write(worker, 28_000);
    await look();
    expect(await stateOf(worker.environmentId)).toBe('running online');
    await house.pool.query(
      "UPDATE presence SET last_seen_at = now() - interval '31 seconds' WHERE environment_id = $1",
      [worker.environmentId],
    );
    await look();
    expect(await stateOf(worker.environmentId)).toBe('interrupted lost');
    const row = await house.environment(worker.environmentId);
    expect(row.deadlineAt).not.toBeNull();
    await look();
    expect((await house.environment(worker.environmentId)).version).toBe(row.version);
    house.presence.beat(worker, someBeat());
    await expect.poll(() => stateOf(worker.environmentId), { timeout: 5000 }).toBe('running online');
  });

  it('of a worker that registered and never sent a beat is noticed too', async () => {
    const worker = await running();
    await house.pool.query("UPDATE workers SET registered_at = now() - interval '31 seconds' WHERE id = $1", [
      worker.workerId,
    ]);
    await look();
    expect(await stateOf(worker.environmentId)).toBe('interrupted lost');
  });

  it('noticed here is told at once, though the last beat was stored a moment after it came', async () => {
    const worker = await running();
    await write(worker, 4_600);
    const steady = { forMs: () => 60_000, reset: () => undefined };
    const asked = [[worker.environmentId]];
    const heard = { takeSilent: () => asked.pop() ?? [], has: () => false, behindMs: 60_000 };
    const ending = new AbortController();
    const watching = watchSilence(
      { ...house, heard, database: house.pool, lostMs: 5_000, steady, log: silentLog },
      ending.signal,
    );
    await expect.poll(() => stateOf(worker.environmentId), { timeout: 2_000 }).toBe('interrupted lost');
    ending.abort();
    await watching;
  });

  it('means nothing until this process has been there for as long itself', async () => {
    const worker = await running();
    await write(worker, 0);
    await house.pool.query("UPDATE presence SET last_seen_at = now() - interval '1 hour' WHERE environment_id = $1", [
      worker.environmentId,
    ]);
    const ending = new AbortController();
    const watching = watchSilence(
      { ...house, heard: newHeard(), database: house.pool, lostMs: 3_000, steady: createSteady(), log: silentLog },
      ending.signal,
    );
    const startMs = Date.now();
    await sleep(2_000);
    expect(await stateOf(worker.environmentId)).toBe('running online');
    await expect.poll(() => stateOf(worker.environmentId), { timeout: 5000 }).toBe('interrupted lost');
    expect(Date.now() - startMs).toBeGreaterThan(2_900);
    ending.abort();
    await watching;
  });
});
