/**
 * What a platform's scheduler may ask and say of snapshots, and the sweep of those that take too long. There is no lease:
 * whatever a scheduler does twice is there already, and whatever it says twice changes nothing the second time.
 */
import type { Clock } from '@easel/kit/clock';
import type { SnapshotId } from '@easel/schema/ids';
import { type SnapshotObservation, type SnapshotTask, snapshotObservationSchema } from '@easel/schema/wire/snapshot';
import { z } from 'zod';
import type { PlatformActor } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { parseInput } from '../parse-input.ts';
import { raise, snapshotFacts } from './snapshot.facts.ts';
import { snapshotStore } from './snapshot.store.ts';
import type { SnapshotRow } from './snapshot-row.ts';

const observationsSchema = z.array(snapshotObservationSchema).max(1000);

type Seen<T extends SnapshotObservation['type']> = Extract<SnapshotObservation, { type: T }>;
type Looked = { tx: Tx; row: SnapshotRow; now: Date };
type Handlers = { [T in SnapshotObservation['type']]: (seen: Seen<T>, looked: Looked) => Promise<void> };

const HANDLERS: Handlers = {
  async taken(_seen, { tx, row, now }) {
    await snapshotFacts.apply(tx, row, 'taken', await cut(tx, row, now));
  },
  async progress({ reason }, { tx, row }) {
    if (await snapshotStore.setReason(tx, row.id, reason)) await raise(tx, row.environmentId);
  },
  async ready({ sizeBytes }, { tx, row, now }) {
    const fields = { sizeBytes: BigInt(sizeBytes), readyAt: now, deadlineAt: null, reason: null };
    const made = row.state === 'waiting' ? await cut(tx, row, now) : {};
    await snapshotFacts.apply(tx, row, 'ready', { ...made, ...fields });
  },
  async failed({ failure }, { tx, row }) {
    const isFailed = await snapshotFacts.apply(tx, row, 'failed', { failure, deadlineAt: null, reason: null });
    // A delete that does not succeed goes on, and says why.
    if (isFailed || row.state !== 'deleting') return;
    if (await snapshotStore.setReason(tx, row.id, failure.message)) await raise(tx, row.environmentId);
  },
  async deleted(_seen, { tx, row, now }) {
    await snapshotFacts.apply(tx, row, 'deleted', { deletedAt: now, deadlineAt: null, reason: null });
  },
};

async function cut(tx: Tx, row: SnapshotRow, now: Date) {
  return { takenAt: now, isQuiet: await snapshotFacts.isQuiet(tx, row), reason: null };
}

export class SnapshotSchedulerService {
  readonly #db: Db;
  readonly #clock: Clock;

  readonly #onEnded: (tx: Tx, row: SnapshotRow, at: Date) => Promise<void>;

  constructor(parts: {
    db: Db;
    clock: Clock;
    /** Told of one that has become ready, or has failed, in that transaction. */
    onEnded: (tx: Tx, row: SnapshotRow, at: Date) => Promise<void>;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#onEnded = parts.onEnded;
  }

  /** All snapshots of the platform with which something is to be done. */
  async list(actor: PlatformActor): Promise<SnapshotTask[]> {
    const rows = await reading(() => snapshotStore.listOpen(this.#db, actor.platformId));
    return rows.map(({ id, environmentId, state, freeze }) => ({
      id,
      environmentId,
      state,
      isQuiet: freeze !== 'asked',
    }));
  }

  /** Each observation is a transaction of its own, in the order given: one that fails leaves those before it stored. */
  async report(actor: PlatformActor, input: unknown): Promise<void> {
    for (const observation of parseInput(observationsSchema, input)) {
      await inTransaction(this.#db, async (tx) => {
        const row = await snapshotStore.lock(tx, observation.snapshotId);
        if (row?.platformId !== actor.platformId) return;
        const handle = HANDLERS[observation.type] as (seen: SnapshotObservation, looked: Looked) => Promise<void>;
        await handle(observation, { tx, row, now: new Date(this.#clock.now()) });
        await this.#tellEnd(tx, row);
      });
    }
  }

  /** Snapshots whose `deadlineAt` has passed, oldest first. */
  overdue(limit: number): Promise<SnapshotId[]> {
    return reading(() => snapshotStore.overdue(this.#db, new Date(this.#clock.now()), limit));
  }

  /** Its own transaction; false when there is no deadline that has passed any more. */
  deadlinePassed(id: SnapshotId): Promise<boolean> {
    return inTransaction(this.#db, async (tx) => {
      const row = await snapshotStore.lock(tx, id);
      if (row === null || !(await snapshotFacts.deadlinePassed(tx, row, new Date(this.#clock.now())))) return false;
      await this.#tellEnd(tx, row);
      return true;
    });
  }

  async #tellEnd(tx: Tx, before: SnapshotRow): Promise<void> {
    const row = await snapshotStore.find(tx, before.id);
    if (row && row.state !== before.state && (row.state === 'ready' || row.state === 'failed')) {
      await this.#onEnded(tx, row, new Date(this.#clock.now()));
    }
  }
}
