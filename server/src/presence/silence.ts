/**
 * Notices workers that are not heard of any more. Every replica looks once a second at what is stored; saying it twice
 * changes nothing.
 *
 * A silence means something only if it would have been broken: after a start of this process, after the database or the
 * machine itself was away, workers get the same time to be heard as after their last beat. `steady` keeps since when
 * that is so.
 */
import { type Clock, systemClock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import { type Db, inTransaction } from '../db.ts';
import type { EnvironmentFacts } from '../environment/facts.ts';
import { presenceStore, type Queryable } from './presence.store.ts';

const lookEveryMs = 1_000;
/** A turn that comes this late says that the process, or the machine, has slept. */
const sleptMs = 5_000;
/** Environments per turn: a network that fails as a whole is told in portions. */
const maxPerTurn = 500;

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
  facts: Pick<EnvironmentFacts, 'workerSilent'>;
  steady: Steady;
  /** After this long without a beat a worker is lost. */
  lostMs: number;
  log: Log;
  clock?: Clock;
}

/** Looks until the signal aborts. */
export async function watchSilence(options: SilenceOptions, signal: AbortSignal): Promise<void> {
  const { steady, clock = systemClock } = options;
  let lastTurnMs = clock.now();
  await runLoop({ name: 'silence', everyMs: lookEveryMs, signal, log: options.log, clock }, async () => {
    const nowMs = clock.now();
    if (Math.abs(nowMs - lastTurnMs) > sleptMs) steady.reset();
    lastTurnMs = nowMs;
    if (steady.forMs() < options.lostMs) return;
    try {
      await tellSilent(options, signal);
    } catch (err) {
      steady.reset();
      throw err;
    }
  });
}

/** One look: tells of each worker that is silent now. Gives how many. */
export async function tellSilent(
  options: Omit<SilenceOptions, 'steady' | 'clock'>,
  signal?: AbortSignal,
): Promise<number> {
  const silent = await presenceStore.silent(options.database, { forMs: options.lostMs, limit: maxPerTurn });
  let count = 0;
  for (const worker of silent) {
    if (signal?.aborted) break;
    const isLost = await inTransaction(options.db, (tx) => options.facts.workerSilent(tx, worker));
    if (!isLost) continue;
    count++;
    options.log.info({ environmentId: worker.environmentId, generation: worker.generation }, 'worker silent');
  }
  return count;
}
