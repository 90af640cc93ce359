/**
 * Notices workers that are not heard of any more. Whoever has heard one last knows first: each replica looks every second at
 * what it remembers, and then asks the database whether the worker is heard elsewhere. Every ten seconds it looks at all that
 * is stored, for workers whose replica has died too; and, the other way round, for those that are called lost and are heard
 * here. Saying it twice changes nothing.
 *
 * A silence means something only if it would have been broken: after a start of this process, after the database or the
 * machine itself was away, workers get the same time to be heard as after their last beat. `steady` keeps since when
 * that is so.
 */
import { type Clock, systemClock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import type { EnvironmentId } from '@easel/schema/ids';
import { type Db, inTransaction, type Queryable } from '../db.ts';
import type { EnvironmentFacts } from '../environment/facts.ts';
import type { Heard } from './heard.ts';
import { presenceStore } from './presence.store.ts';

const lookEveryMs = 1_000;
/** A look at all rows costs the database some milliseconds for ten thousand workers. */
const lookAtAllEveryMs = 10_000;
/**
 * A beat is stored with the age that it has by then, as two clocks tell it. What this replica has not heard for the whole
 * time is lost if the database has not for this much less; asked for the whole, it might say "almost", and the next to look
 * would be the look at all.
 */
const storedLaterMs = 1_000;
/** A turn that comes this late says that the process, or the machine, has slept. */
const sleptMs = 5_000;
/** Environments per turn: a network that fails as a whole is told in portions. */
const maxPerTurn = 500;
/** Transactions at a time: a whole network that is cut off should show within a second or two. */
const parallelTellings = 8;

export interface Steady {
  /** Milliseconds since heartbeats have been stored without a gap. */
  forMs(): number;
  /** There was a gap: count anew. */
  reset(): void;
}

export function createSteady(clock: Clock = systemClock): Steady {
  let sinceMs = clock.now();
  return {
    // A clock that was set back must not make it look longer, nor one that was set forward for ever shorter.
    forMs: () => Math.max(0, clock.now() - sinceMs),
    reset() {
      sinceMs = clock.now();
    },
  };
}

export interface SilenceOptions {
  db: Db;
  database: Queryable;
  facts: Pick<EnvironmentFacts, 'workerSilent' | 'workerHeard'>;
  heard: Pick<Heard, 'takeSilent' | 'has' | 'behindMs'>;
  steady: Steady;
  /** After this long without a beat a worker is lost. */
  lostMs: number;
  log: Log;
  clock?: Clock;
}

/** Looks until the signal aborts. */
export async function watchSilence(options: SilenceOptions, signal: AbortSignal): Promise<void> {
  const { steady, heard, lostMs, clock = systemClock } = options;
  let lastTurnMs = clock.now();
  let lookedAtAllMs = Number.NEGATIVE_INFINITY;
  await runLoop({ name: 'silence', everyMs: lookEveryMs, signal, log: options.log, clock }, async () => {
    const nowMs = clock.now();
    if (Math.abs(nowMs - lastTurnMs) > sleptMs) steady.reset();
    lastTurnMs = nowMs;
    if (steady.forMs() < lostMs) return;
    try {
      const ids = heard.takeSilent(lostMs);
      if (ids.length > 0) await tellSilent({ ...options, lostMs: lostMs - storedLaterMs }, { ids, signal });
      if (Math.abs(nowMs - lookedAtAllMs) < lookAtAllEveryMs) return;
      lookedAtAllMs = nowMs;
      // Others may have heard it since it was stored last.
      await tellSilent({ ...options, lostMs: lostMs + heard.behindMs }, { signal });
      await tellHeard(options);
    } catch (err) {
      steady.reset();
      throw err;
    }
  });
}

type TellOptions = Omit<SilenceOptions, 'heard' | 'steady' | 'clock'>;

/** Tells of each worker, of these or of all, that is silent now. Gives how many. */
export async function tellSilent(
  options: TellOptions,
  look: { ids?: readonly EnvironmentId[]; signal?: AbortSignal } = {},
): Promise<number> {
  const silent = await presenceStore.silent(options.database, {
    forMs: options.lostMs,
    limit: maxPerTurn,
    ...(look.ids ? { ids: look.ids } : {}),
  });
  let count = 0;
  const rest = silent.toReversed();
  const tellInTurn = async () => {
    for (let worker = rest.pop(); worker && !look.signal?.aborted; worker = rest.pop()) {
      const { environmentId, generation } = worker;
      if (!(await inTransaction(options.db, (tx) => options.facts.workerSilent(tx, { environmentId, generation }))))
        continue;
      count++;
      options.log.info({ environmentId, generation }, 'worker silent');
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelTellings, silent.length) }, tellInTurn));
  return count;
}

/** What was called lost although it is heard here: its beats alone would not say so, since they look at no state. */
async function tellHeard({ db, database, facts, heard, lostMs, log }: SilenceOptions): Promise<void> {
  for (const worker of await presenceStore.lost(database, maxPerTurn)) {
    if (!heard.has(worker.environmentId, lostMs / 2)) continue;
    const isBack = await inTransaction(db, (tx) => facts.workerHeard(tx, worker));
    if (isBack) log.info({ environmentId: worker.environmentId }, 'worker heard after all');
  }
}
