/**
 * What this process remembers of the workers that beat here, so that the database is told only what somebody will read: that a
 * worker lives, often enough for the other replicas never to doubt it; its numbers, at once when they are of consequence or
 * somebody watches, else once a minute.
 */
import type { EnvironmentId } from '@easel/schema/ids';
import type { Heartbeat } from '@easel/schema/wire/worker';
import { NUMBERS_MAX_AGE_MS } from './presence.store.ts';

/** How a beat is stored: as the first one, with its numbers, as a mere sign of life, or not at all. */
export type Storing = 'introduce' | 'numbers' | 'sign' | null;

interface Known {
  generation: number;
  heardMs: number;
  /** When it was last handed to the database, and with its numbers. */
  signMs: number;
  numbersMs: number;
  consequence: string;
}

export interface Heard {
  /** How much older than its last beat the stored sign of a worker may be: beats that would tell nothing new are left out. */
  readonly behindMs: number;
  /** Notes a beat (null: a mere sign of life) and says how to store it. */
  note(
    worker: { environmentId: EnvironmentId; generation: number },
    heartbeat: Heartbeat | null,
    isWatched: boolean,
  ): Storing;
  /** Those that were not heard here for so long. They are forgotten: whoever is alive is heard anew, or elsewhere. */
  takeSilent(forMs: number): EnvironmentId[];
  /** Whether it was heard here within this time. */
  has(environmentId: EnvironmentId, withinMs: number): boolean;
  /** The database has not got it, or its row is not what it was: the next beat is stored like a first one. */
  forget(environmentId: EnvironmentId): void;
}

/** The rest of the time after which a worker counts as lost is for a beat, or a write, that comes late. */
const shareOfLimit = 0.7;

export function createHeard(options: {
  heartbeatMs: number;
  lostMs: number;
  now?: () => number;
  random?: () => number;
}): Heard {
  const { heartbeatMs, lostMs, now = () => performance.now(), random = Math.random } = options;
  const known = new Map<EnvironmentId, Known>();

  return {
    behindMs: Math.max(0, lostMs * shareOfLimit - heartbeatMs),
    note({ environmentId, generation }, heartbeat, isWatched) {
      const nowMs = now();
      const before = known.get(environmentId);
      const consequence = heartbeat ? consequenceOf(heartbeat) : '';
      const isNew = before?.generation !== generation || nowMs - before.heardMs > lostMs * shareOfLimit;
      if (isNew || heartbeat === null) {
        // Workers that have come together, after a restart of ours, are not all due together for ever after.
        const numbersMs = nowMs - random() * NUMBERS_MAX_AGE_MS;
        const signMs = nowMs - random() * heartbeatMs;
        known.set(environmentId, { generation, heardMs: nowMs, signMs, numbersMs, consequence });
        return 'introduce';
      }
      before.heardMs = nowMs;
      if (
        isWatched ||
        before.consequence !== consequence ||
        nowMs + heartbeatMs - before.numbersMs > NUMBERS_MAX_AGE_MS
      ) {
        before.signMs = nowMs;
        before.numbersMs = nowMs;
        before.consequence = consequence;
        return 'numbers';
      }
      // If this one were left out, would the next come in time?
      if (nowMs + heartbeatMs - before.signMs <= lostMs * shareOfLimit) return null;
      before.signMs = nowMs;
      return 'sign';
    },
    takeSilent(forMs) {
      const nowMs = now();
      const silent = [...known].filter(([, { heardMs }]) => nowMs - heardMs >= forMs).map(([id]) => id);
      for (const id of silent) known.delete(id);
      return silent;
    },
    has(environmentId, withinMs) {
      const one = known.get(environmentId);
      return one !== undefined && now() - one.heardMs < withinMs;
    },
    forget(environmentId) {
      known.delete(environmentId);
    },
  };
}

/** What people decide by: work that a delete would lose, ports, who is in. Resource numbers and moments are not. */
function consequenceOf({ git, ports, sessions, visitors, activity }: Heartbeat): string {
  return JSON.stringify([git, ports, sessions, visitors, activity.sources]);
}
