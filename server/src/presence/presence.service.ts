/**
 * Who is there. Heartbeats come to whichever replica a worker has dialled; they are gathered in memory, the newest of each
 * environment alone, and what is worth storing of them (heard.ts) is stored once a second in one statement for all. What
 * changes by them is only the presence; an environment itself changes when its worker falls silent (silence.ts) or, here,
 * when one that was taken for lost is heard again.
 *
 * If this process dies, some seconds of heartbeats are lost, and the next ones say the same to another replica. If the
 * database is away, the newest beats are kept until it is back.
 */
import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import type { Metrics } from '@easel/kit/metrics';
import type { EnvironmentId, UserId } from '@easel/schema/ids';
import type { Heartbeat } from '@easel/schema/wire/worker';
import { type Db, inTransaction, type Queryable } from '../db.ts';
import type { EnvironmentFacts } from '../environment/facts.ts';
import type { Live } from '../live/live.ts';
import type { Heard, Storing } from './heard.ts';
import { type Beat, type BeatToWrite, presenceStore, type WorkerOfEnvironment } from './presence.store.ts';

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
  heard: Heard;
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

type Waiting = { worker: BeatingWorker; atMs: number; beat: string | null; storing: Exclude<Storing, null> };

export function createPresence(options: PresenceOptions): Presence {
  const { database, live, heard, log } = options;
  let waiting = new Map<EnvironmentId, Waiting>();
  let watched = { environmentIds: new Set<EnvironmentId>(), ownerIds: new Set<UserId>() };
  const touchedMs = new Map<EnvironmentId, number>();
  const beats = options.metrics.counter('easel_heartbeats_total', 'Heartbeats received');
  const batchSize = options.metrics.gauge('easel_heartbeat_batch', 'Environments in the last write of heartbeats');

  const isWatched = ({ environmentId, ownerId }: BeatingWorker) =>
    watched.environmentIds.has(environmentId) || watched.ownerIds.has(ownerId);

  /** Joins it with what waits already of the same worker. */
  function take(worker: BeatingWorker, heartbeat: Heartbeat | null): void {
    const storing = heard.note(worker, heartbeat, isWatched(worker));
    const before = waiting.get(worker.environmentId);
    if (storing === null && !before) return;
    const isSame = before?.worker.generation === worker.generation;
    const beat = storing === 'sign' || heartbeat === null ? null : JSON.stringify(toStored(heartbeat, Date.now()));
    waiting.set(worker.environmentId, {
      worker,
      atMs: performance.now(),
      beat: beat ?? (isSame ? before.beat : null),
      storing: storing === 'introduce' || before?.storing === 'introduce' ? 'introduce' : (storing ?? 'sign'),
    });
  }

  async function write(): Promise<void> {
    const looked = live.watched();
    watched = { environmentIds: new Set(looked.environmentIds), ownerIds: new Set(looked.ownerIds) };
    const all = [...waiting.values()];
    waiting = new Map();
    batchSize.set(all.length);
    for (let i = 0; i < all.length; i += maxBatch) {
      try {
        await writeBatch(all.slice(i, i + maxBatch));
      } catch (err) {
        options.onUncertain();
        // What has come since is newer.
        waiting = new Map([...all.slice(i).map((one) => [one.worker.environmentId, one] as const), ...waiting]);
        throw err;
      }
    }
  }

  async function writeBatch(batch: readonly Waiting[]): Promise<void> {
    const nowMs = performance.now();
    const rows = (isFirst: boolean) =>
      batch.filter(({ storing }) => (storing === 'introduce') === isFirst).map(toWrite(nowMs));
    const [first, further] = [rows(true), rows(false)];
    const lost = first.length > 0 ? await presenceStore.introduce(database, first) : [];
    if (further.length > 0) await presenceStore.refresh(database, further);
    touch(batch, nowMs);
    await tellHeard(lost);
  }

  /** Fresh numbers are worth no notification: who watches in this process is told here, the others look for themselves. */
  function touch(batch: readonly Waiting[], nowMs: number): void {
    const due = batch.filter(
      ({ worker, beat }) => beat !== null && isWatched(worker) && isDue(worker.environmentId, nowMs),
    );
    if (due.length > 0) live.touch(due.map(({ worker }) => ({ id: worker.environmentId, ownerId: worker.ownerId })));
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
        heard.forget(worker.environmentId);
        log.warn({ environmentId: worker.environmentId, err }, 'worker heard again, not stored');
      }
    }
  }

  async function look(): Promise<void> {
    const nowMs = performance.now();
    for (const [id, atMs] of touchedMs) if (nowMs - atMs > lookEveryMs) touchedMs.delete(id);
    const { environmentIds, ownerIds } = live.watched();
    if (environmentIds.length + ownerIds.length === 0) return;
    const withinMs = lookEveryMs + writeEveryMs;
    const fresh = await presenceStore.fresh(database, { environmentIds, ownerIds, withinMs });
    live.touch(fresh.filter((hint) => isDue(hint.id, nowMs)));
  }

  return {
    connected: (worker) => take(worker, null),
    beat(worker, heartbeat) {
      beats.inc();
      take(worker, heartbeat);
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

/**
 * The worker's clock may be wrong: of its moments only the time between them counts. A worker that has not looked at git yet
 * says nothing of it, and what was known still counts.
 */
function toStored(heartbeat: Heartbeat, nowMs: number): Beat {
  const { activity, resources, git, ports, sessions, visitors = [] } = heartbeat;
  const idleMs = Math.max(0, Date.parse(heartbeat.at) - Date.parse(activity.lastActiveAt));
  const lastActiveAt = new Date(nowMs - idleMs).toISOString();
  const seen = { resources, ports, sessions, visitors };
  return { activity: { ...activity, lastActiveAt }, ...seen, ...(git === null ? {} : { git }) };
}
