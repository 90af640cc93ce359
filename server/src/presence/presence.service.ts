/**
 * Who is there. Heartbeats come to whichever replica a worker has dialled; they are gathered in memory, the newest of each
 * environment alone, and stored once a second in one statement for all (limits: 10,000 workers cost two statements a
 * second). What changes by them is only the presence; an environment itself changes when its worker falls silent
 * (silence.ts) or, here, when one that was taken for lost is heard again.
 *
 * If this process dies, at most a second of heartbeats is lost, and the next ones say the same. If the database is away, the
 * newest beats are kept until it is back.
 */
import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import type { Gauge, Metrics } from '@easel/kit/metrics';
import type { EnvironmentId, UserId } from '@easel/schema/ids';
import type { Heartbeat } from '@easel/schema/wire/worker';
import { type Db, inTransaction } from '../db.ts';
import type { EnvironmentFacts } from '../environment/facts.ts';
import type { Live } from '../live/live.ts';
import type { EnvironmentHint } from '../live/notify.ts';
import {
  type Beat,
  type BeatToWrite,
  presenceStore,
  type Queryable,
  type WorkerOfEnvironment,
} from './presence.store.ts';

export interface BeatingWorker extends WorkerOfEnvironment {
  ownerId: UserId;
}

export interface Presence {
  /** The worker has dialled: a sign of life without numbers. */
  connected(worker: BeatingWorker): void;
  beat(worker: BeatingWorker, heartbeat: Heartbeat): void;
  /** Stores and tells until the signal aborts; then stores what is left. */
  run(signal: AbortSignal): Promise<void>;
}

export interface PresenceOptions {
  db: Db;
  database: Queryable;
  facts: Pick<EnvironmentFacts, 'workerHeard'>;
  live: Pick<Live, 'touch' | 'watched'>;
  log: Log;
  metrics: Metrics;
  /** Told when beats could not be stored: nobody's silence means anything then. */
  onUncertain: () => void;
}

const writeEveryMs = 1_000;
/** Environments in one statement. */
const maxBatch = 5_000;
/** Fresh numbers of an environment are told to its readers at most once in this time: a little less than a beat. */
const touchEveryMs = 9_000;
/** How often is looked for what other replicas have heard. */
const lookEveryMs = 10_000;

type Waiting = { worker: BeatingWorker; atMs: number; beat: string | null };

export function createPresence(options: PresenceOptions): Presence {
  const { database, live, log } = options;
  let waiting = new Map<EnvironmentId, Waiting>();
  const touchedMs = new Map<EnvironmentId, number>();
  const beats = options.metrics.counter('easel_heartbeats_total', 'Heartbeats received');
  const batchSize: Gauge = options.metrics.gauge(
    'easel_heartbeat_batch',
    'Environments in the last write of heartbeats',
  );

  async function write(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting.values()].slice(0, maxBatch);
      for (const { worker } of batch) waiting.delete(worker.environmentId);
      batchSize.set(batch.length);
      const nowMs = performance.now();
      let lost: WorkerOfEnvironment[];
      try {
        lost = await presenceStore.write(database, batch.map(toWrite(nowMs)));
      } catch (err) {
        options.onUncertain();
        // What has come since is newer.
        waiting = new Map([...batch.map((one) => [one.worker.environmentId, one] as const), ...waiting]);
        throw err;
      }
      touch(batch, nowMs);
      await tellHeard(lost);
    }
  }

  /** Fresh numbers are worth no notification: who watches in this process is told here, the others look for themselves. */
  function touch(batch: readonly Waiting[], nowMs: number): void {
    const due = batch.filter(({ worker, beat }) => beat !== null && isDue(worker.environmentId, nowMs));
    live.touch(due.map(({ worker }) => ({ id: worker.environmentId, ownerId: worker.ownerId })));
  }

  function isDue(id: EnvironmentId, nowMs: number): boolean {
    if (nowMs - (touchedMs.get(id) ?? Number.NEGATIVE_INFINITY) < touchEveryMs) return false;
    touchedMs.set(id, nowMs);
    return true;
  }

  async function tellHeard(lost: readonly WorkerOfEnvironment[]): Promise<void> {
    for (const worker of lost) {
      try {
        const isBack = await inTransaction(options.db, (tx) => options.facts.workerHeard(tx, worker));
        if (isBack) log.info({ environmentId: worker.environmentId }, 'worker heard again');
      } catch (err) {
        // Its next beat says it again.
        log.warn({ environmentId: worker.environmentId, err }, 'worker heard again, not stored');
      }
    }
  }

  async function look(): Promise<void> {
    const nowMs = performance.now();
    for (const [id, atMs] of touchedMs) if (nowMs - atMs > lookEveryMs) touchedMs.delete(id);
    const watched = live.watched();
    if (watched.environmentIds.length + watched.ownerIds.length === 0) return;
    const fresh = await presenceStore.fresh(database, { ...watched, withinMs: lookEveryMs + writeEveryMs });
    live.touch(fresh.filter((hint: EnvironmentHint) => isDue(hint.id, nowMs)));
  }

  return {
    connected(worker) {
      const known = waiting.get(worker.environmentId);
      const beat = known?.worker.generation === worker.generation ? known.beat : null;
      waiting.set(worker.environmentId, { worker, atMs: performance.now(), beat });
    },
    beat(worker, heartbeat) {
      beats.inc();
      const beat = JSON.stringify(toStored(heartbeat, Date.now()));
      waiting.set(worker.environmentId, { worker, atMs: performance.now(), beat });
    },
    async run(signal) {
      await Promise.all([
        runLoop({ name: 'presence write', everyMs: writeEveryMs, signal, log }, write),
        runLoop({ name: 'presence look', everyMs: lookEveryMs, signal, log }, look),
      ]);
      await write().catch((err) => log.warn({ err }, 'last heartbeats not stored'));
    },
  };
}

function toWrite(nowMs: number): (one: Waiting) => BeatToWrite {
  return ({ worker, atMs, beat }) => ({
    environmentId: worker.environmentId,
    generation: worker.generation,
    ageMs: nowMs - atMs,
    beat,
  });
}

/** The worker's clock may be wrong: of its moments only the time between them counts. */
function toStored(heartbeat: Heartbeat, nowMs: number): Beat {
  const { type: _, at, ...beat } = heartbeat;
  const idleMs = Math.max(0, Date.parse(at) - Date.parse(heartbeat.activity.lastActiveAt));
  return { ...beat, activity: { ...beat.activity, lastActiveAt: new Date(nowMs - idleMs).toISOString() } };
}
