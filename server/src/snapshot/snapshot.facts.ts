/**
 * How a volume is brought to rest for a snapshot, and what changes a snapshot's row.
 *
 * Where a worker runs, it is asked to freeze (`asked`), says so (`frozen`), and is told to thaw as soon as the platform has
 * made the cut or has failed. Everybody may die: a worker that does not answer, and one that is frozen for too long, is given
 * up, and the cut is made as it comes (a volume that was synced, as after a power cut); a worker thaws by itself when its
 * limit is over; what it has to be told is read from these rows at every connection.
 */
import { type Failure, failure } from '@easel/schema/failure';
import type { EnvironmentId, SnapshotId } from '@easel/schema/ids';
import type { SnapshotEvent } from '@easel/schema/states/snapshot';
import { logAfterCommit, type Reader, type Tx } from '../db.ts';
import { hasWorker } from '../environment/has-worker.ts';
import { adjust } from '../environment/transition.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { snapshotStore } from './snapshot.store.ts';
import type { SnapshotFields, SnapshotRow } from './snapshot-row.ts';

/** How long a worker is waited for until it has frozen, and how long it then stays so: people's work stands still. */
export const FREEZE_SECONDS = 60;
/** From the wish to `ready`: a storage system that copies terabytes takes its time, but not for ever. */
export const READY_SECONDS = 2 * 3600;

export function readyBy(createdAt: Date): Date {
  return new Date(createdAt.getTime() + READY_SECONDS * 1000);
}

interface Holder {
  environmentId: EnvironmentId;
  generation: number;
}

/** What a worker is to be told of a snapshot. */
export interface FreezeWish {
  snapshotId: SnapshotId;
  verb: 'freeze' | 'thaw';
  limitSeconds: number;
}

export const snapshotFacts = {
  /** All that this worker is to be told; a worker that has done it already says so again. */
  async freezeWishes(db: Reader, { environmentId, generation }: Holder): Promise<FreezeWish[]> {
    const held = await snapshotStore.heldBy(db, environmentId, generation);
    return held.map(({ id, state, freeze }) => ({
      snapshotId: id,
      verb: state === 'waiting' && freeze !== 'given_up' ? 'freeze' : 'thaw',
      limitSeconds: FREEZE_SECONDS,
    }));
  },

  /** The worker holds still: the cut may be made. */
  async frozen(tx: Tx, worker: Holder, { snapshotId, now }: { snapshotId: SnapshotId; now: Date }): Promise<boolean> {
    const { environmentId, generation } = worker;
    const row = await snapshotStore.find(tx, snapshotId);
    if (row?.environmentId !== environmentId) return false;
    const deadlineAt = new Date(now.getTime() + FREEZE_SECONDS * 1000);
    const guard = { id: snapshotId, generation, state: 'waiting', from: ['asked'] } as const;
    const isNews = await snapshotStore.setFreeze(tx, guard, { freeze: 'frozen', deadlineAt });
    if (isNews) await notifyInTransaction(tx, { placements: [row.platformId] });
    return isNews;
  },

  /** The worker works on: as it was told to, or by itself before the cut was made. */
  async thawed(tx: Tx, worker: Holder, said: { snapshotId: SnapshotId; problem: string | null }): Promise<boolean> {
    const { environmentId, generation } = worker;
    const { snapshotId: id, problem: reason } = said;
    const row = await snapshotStore.find(tx, id);
    if (row?.environmentId !== environmentId) return false;
    const guard = { id, generation, from: ['asked', 'frozen', 'given_up'] } as const;
    const early = { freeze: 'thawed', deadlineAt: readyBy(row.createdAt), reason } as const;
    if (await snapshotStore.setFreeze(tx, { ...guard, state: 'waiting' }, early)) {
      await changed(tx, row, { placements: true });
      return true;
    }
    return snapshotStore.setFreeze(tx, guard, { freeze: 'thawed' });
  },

  /** Applies the event; false for a late or doubled one. Whoever is frozen for it is told to thaw. */
  async apply(tx: Tx, row: SnapshotRow, event: SnapshotEvent, fields: SnapshotFields): Promise<boolean> {
    if (!(await snapshotStore.advance(tx, row.id, event, fields))) return false;
    await changed(tx, row, { placements: event === 'deleteAsked' });
    const { environmentId } = row;
    const failed = fields.failure ? { failure: fields.failure.class } : {};
    logAfterCommit(tx, { environmentId, snapshotId: row.id, cause: event, ...failed }, 'snapshot changed');
    return true;
  },

  /** Was nobody writing when the cut was made? */
  async isQuiet(tx: Tx, row: SnapshotRow): Promise<boolean> {
    return row.freeze === 'frozen' || !(await hasWorker(tx, row.environmentId));
  },

  /** Ends what has waited too long: a worker is given up, a snapshot fails. False when the deadline is gone. */
  async deadlinePassed(tx: Tx, row: SnapshotRow, now: Date): Promise<boolean> {
    if (!row.deadlineAt || row.deadlineAt > now) return false;
    const isFreeze = row.state === 'waiting' && (row.freeze === 'asked' || row.freeze === 'frozen');
    if (!isFreeze || readyBy(row.createdAt) <= now) {
      const fields = { failure: overdueFailure(row), deadlineAt: null, reason: null };
      return snapshotFacts.apply(tx, row, 'failed', fields);
    }
    const guard = { id: row.id, state: 'waiting', from: [row.freeze] } as const;
    const fields = { freeze: 'given_up', deadlineAt: readyBy(row.createdAt) } as const;
    if (!(await snapshotStore.setFreeze(tx, guard, fields))) return false;
    await changed(tx, row, { placements: true });
    return true;
  },
};

function overdueFailure(row: SnapshotRow): Failure {
  const last = row.reason ? `: ${row.reason}` : '';
  return failure({
    class: 'timed_out',
    message: `The platform did not finish the snapshot within ${READY_SECONDS / 3600} hours${last}`,
    advice: 'Ask an administrator to look at the storage of this computing platform; then take another one.',
  });
}

/** Readers of the environment read its snapshots anew; its worker and its platform look what is to be done. */
async function changed(tx: Tx, row: SnapshotRow, tell: { placements: boolean }): Promise<void> {
  await raise(tx, row.environmentId);
  await notifyInTransaction(tx, {
    ...(row.generation === null ? {} : { workers: [row.environmentId] }),
    ...(tell.placements ? { placements: [row.platformId] } : {}),
  });
}

/** Readers take what is newer, so a snapshot raises the version of what it belongs to. */
export async function raise(tx: Tx, environmentId: EnvironmentId): Promise<void> {
  await adjust(tx, environmentId, ({ phase }) => (phase === 'deleted' ? null : {}));
}
