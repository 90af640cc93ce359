import { silentLog } from '@easel/kit/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeOrphanedLogs } from '../log/log-retention.ts';
import { createLogWriter } from '../log/log-writer.ts';
import { presenceStore } from '../presence/presence.store.ts';
import { type House, openHouse } from '../worker/house.kit.ts';
import { READY, someBeat } from '../worker/test-worker.kit.ts';
import { passDeadlines } from './deadlines.ts';
import { stopIdle } from './inactivity.ts';
import { runJobs } from './jobs.ts';
import { onOneReplica } from './one-replica.ts';
import { forgetEarlierStarts } from './retention.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse(process.env.EASEL_TEST_DATABASE_URL ?? '');
});
afterAll(() => house?.close());

async function running(inactivityMinutes = 30) {
  const owner = await house.newUser();
  const placed = await house.placed(owner, { inactivityMinutes });
  await house.facts.workerAccess({
    type: 'worker.hello',
    protocol: { oldest: 1, newest: 1 },
    agentVersion: '0',
    secret: 'a'.repeat(64),
    ...placed,
  });
  await house.db.$transaction((tx) => house.facts.applyWorkerEvent(tx, placed, READY, new Date()));
  return { ...placed, owner };
}
type Running = Awaited<ReturnType<typeof running>>;
const row = (worker: Running) => house.environment(worker.environmentId);

describe('deadlines', () => {
  const pass = () => passDeadlines({ ...house, log: silentLog });

  it('force a stop that takes too long, once, though two replicas look', async () => {
    const worker = await running();
    await house.environments.stop(worker.owner, worker.environmentId);
    await pass();
    expect((await row(worker)).phase).toBe('stopping');
    await house.pool.query("UPDATE environments SET deadline_at = now() - interval '1 second' WHERE id = $1", [
      worker.environmentId,
    ]);
    const counts = await Promise.all([pass(), pass()]);
    expect(counts[0]! + counts[1]!).toBe(1);
    expect((await row(worker)).phase).toBe('stopped');
  });

  it('end the wait for a worker that does not come back', async () => {
    const worker = await running();
    await house.db.$transaction((tx) => house.facts.workerSilent(tx, worker));
    expect((await row(worker)).phase).toBe('interrupted');
    await house.pool.query("UPDATE environments SET deadline_at = now() - interval '1 second' WHERE id = $1", [
      worker.environmentId,
    ]);
    await pass();
    expect(await row(worker)).toMatchObject({ phase: 'failed', failure: { class: 'worker_lost' } });
  });
});

describe('inactivity', () => {
  const stop = () =>
    stopIdle({ ...house, database: house.pool, stopSeconds: 60, log: silentLog, now: () => new Date() });
  const beat = async (worker: Running, options: { idleMinutes: number; ageMs?: number }) => {
    const { type: _, at: __, ...fields } = someBeat();
    const lastActiveAt = new Date(Date.now() - options.idleMinutes * 60_000).toISOString();
    await presenceStore.introduce(house.pool, [
      {
        environmentId: worker.environmentId,
        generation: worker.generation,
        ageMs: options.ageMs ?? 0,
        beat: JSON.stringify({ ...fields, activity: { lastActiveAt, sources: [] } }),
      },
    ]);
    await house.pool.query("UPDATE environments SET started_at = now() - interval '1 day' WHERE id = $1", [
      worker.environmentId,
    ]);
  };

  it('stops what has been idle for as long as the template says, and says why', async () => {
    const [idle, busy, never] = [await running(10), await running(10), await running(0)];
    await beat(idle, { idleMinutes: 12 });
    await beat(busy, { idleMinutes: 9 });
    await beat(never, { idleMinutes: 10_000 });
    expect(await stop()).toBe(1);
    expect(await row(idle)).toMatchObject({ phase: 'stopping', reason: 'Nothing has happened for 10 minutes.' });
    expect((await row(busy)).phase).toBe('running');
    expect((await row(never)).phase).toBe('running');
    expect(await stop()).toBe(0);
  });

  it('never stops what is not heard of now, or has just started', async () => {
    const [silent, lost, fresh] = [await running(10), await running(10), await running(10)];
    await beat(silent, { idleMinutes: 60, ageMs: 120_000 });
    await beat(lost, { idleMinutes: 60 });
    await house.db.$transaction((tx) => house.facts.workerSilent(tx, lost));
    await beat(fresh, { idleMinutes: 60 });
    await house.pool.query('UPDATE environments SET started_at = now() WHERE id = $1', [fresh.environmentId]);
    expect(await stop()).toBe(0);
  });
});

describe('retention', () => {
  const stores = () => ({ database: house.pool, objects: house.objects });
  async function logged(worker: Running) {
    const writer = createLogWriter({ database: house.pool, objects: house.objects, log: silentLog });
    const log = writer.open({ ...worker, ackedLog: 0 }, { onStored: () => undefined, onFailed: () => undefined });
    log.append(1, [{ at: new Date().toISOString(), source: 'image', stream: 'stdout', text: 'x' }]);
    await log.flush();
  }
  const objectsOf = async (worker: Running) => (await house.objects.list(`logs/${worker.environmentId}/`)).length;

  it('removes the log of a deleted environment, unnamed objects too, and no other', async () => {
    const [gone, here] = [await running(), await running()];
    await logged(gone);
    await logged(here);
    await house.objects.put(`logs/${gone.environmentId}/1/0000009-left.jsonl`, Buffer.from('x'));
    await house.pool.query("UPDATE environments SET phase = 'deleted' WHERE id = $1", [gone.environmentId]);
    expect(await removeOrphanedLogs(stores())).toBe(1);
    expect(await objectsOf(gone)).toBe(0);
    expect(await house.db.logChunk.count({ where: { environmentId: gone.environmentId } })).toBe(0);
    expect(await objectsOf(here)).toBe(1);
    expect(await removeOrphanedLogs(stores())).toBe(0);
  });

  it('forgets earlier starts when they are old, and nothing of the last one', async () => {
    const [old, current] = [await running(), await running()];
    await logged(old);
    await logged(current);
    await house.pool.query("UPDATE log_chunks SET at = now() - interval '40 days'");
    await house.pool.query("UPDATE workers SET created_at = now() - interval '40 days'");
    await house.pool.query('UPDATE environments SET generation = 2 WHERE id = $1', [old.environmentId]);
    await house.pool.query(
      "UPDATE placements SET state = 'ended', ended_at = now() - interval '40 days' WHERE environment_id = $1",
      [old.environmentId],
    );
    expect(await forgetEarlierStarts(stores())).toBeGreaterThan(0);
    expect(await objectsOf(old)).toBe(0);
    expect(await objectsOf(current)).toBe(1);
    expect(await house.db.placement.count({ where: { environmentId: old.environmentId } })).toBe(0);
    expect(await house.db.step.count({ where: { environmentId: old.environmentId } })).toBe(0);
    expect(await house.db.step.count({ where: { environmentId: current.environmentId } })).toBeGreaterThan(0);
  });
});

describe('jobs', () => {
  it('of one name run on one replica at a time, and on another when that one fails', async () => {
    const others = Promise.withResolvers<void>();
    let calls = 0;
    let refused = 0;
    // Whoever works goes on until all others have found that they may not.
    const work = async () => {
      calls++;
      await others.promise;
    };
    const attempt = async () => {
      const isMine = await onOneReplica(house.pool, 'test', work);
      if (!isMine && ++refused === 4) others.resolve();
    };
    await Promise.all(Array.from({ length: 5 }, attempt));
    expect([calls, refused]).toEqual([1, 4]);
    await expect(onOneReplica(house.pool, 'test', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await onOneReplica(house.pool, 'test', async () => undefined)).toBe(true);
  });

  it('run until they are told to end, and end at once', async () => {
    const worker = await running();
    await house.environments.stop(worker.owner, worker.environmentId);
    await house.pool.query("UPDATE environments SET deadline_at = now() - interval '1 second' WHERE id = $1", [
      worker.environmentId,
    ]);
    const ending = new AbortController();
    const jobs = runJobs(
      {
        ...house,
        log: silentLog,
        stopSeconds: 60,
        snapshots: house.snapshotScheduler,
        tellSilentPlatforms: async () => undefined,
        sweepShares: async () => undefined,
        cleanUp: async () => undefined,
        forgetShares: async () => undefined,
        sweepSessions: async () => undefined,
        checkAtProviders: async () => undefined,
        audit: { databaseDays: 90, retentionDays: 0 },
        tellEndedTokens: async () => undefined,
        tellRefusals: async () => undefined,
        refreshSamlMetadata: async () => undefined,
        rotateSigningKeys: async () => undefined,
      },
      ending.signal,
    );
    await expect.poll(async () => (await row(worker)).phase, { timeout: 5000 }).toBe('stopped');
    const startMs = performance.now();
    ending.abort();
    await jobs;
    expect(performance.now() - startMs).toBeLessThan(500);
  });
});
