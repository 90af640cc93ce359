/** The only file that touches the table `snapshots`. */
import { type EnvironmentId, newId, type PlatformId, type SnapshotId, type UserId } from '@easel/schema/ids';
import { reduceSnapshot, SNAPSHOT_STATES, type SnapshotEvent, type SnapshotState } from '@easel/schema/states/snapshot';
import type { Reader, Tx } from '../db.ts';
import { Prisma, type Snapshot } from '../generated/prisma/client.ts';
import type { Freeze, SnapshotFields, SnapshotRow } from './snapshot-row.ts';

/** What a scheduler still has to do. */
const OPEN_STATES = ['waiting', 'taking', 'deleting'] as const satisfies readonly SnapshotState[];

/** The states that an event changes: a guard that fits into the WHERE of one statement. */
function statesBefore(event: SnapshotEvent): SnapshotState[] {
  return SNAPSHOT_STATES.filter((state) => reduceSnapshot(state, event) !== null);
}

type NewSnapshot = Pick<
  SnapshotRow,
  'environmentId' | 'ownerId' | 'platformId' | 'name' | 'freeze' | 'generation' | 'createdAt' | 'deadlineAt'
>;

export const snapshotStore = {
  /** Violates a unique index when another one of this environment waits. */
  async insert(tx: Tx, row: NewSnapshot): Promise<SnapshotRow> {
    return (await tx.snapshot.create({ data: { id: newId('snapshot'), ...row } })) as SnapshotRow;
  },

  async find(db: Reader, id: SnapshotId): Promise<SnapshotRow | null> {
    return (await db.snapshot.findUnique({ where: { id } })) as SnapshotRow | null;
  },

  /** Locked until the transaction ends, so that nothing is restored from what is being deleted. */
  async lock(tx: Tx, id: SnapshotId): Promise<SnapshotRow | null> {
    await tx.$executeRawUnsafe('SELECT FROM snapshots WHERE id = $1 FOR UPDATE', id);
    return snapshotStore.find(tx, id);
  },

  /** A page of the owner's, newest first, without the deleted ones; `query` is what the API's selection asks for. */
  page(
    db: Reader,
    query: Pick<Prisma.SnapshotFindManyArgs, 'include' | 'select' | 'cursor' | 'take' | 'skip'>,
    ownerId: UserId,
  ): Promise<Snapshot[]> {
    return db.snapshot.findMany({
      ...query,
      where: { ownerId, state: { not: 'deleted' } },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    } as Prisma.SnapshotFindManyArgs);
  },

  countOf(db: Reader, ownerId: UserId): Promise<number> {
    return db.snapshot.count({ where: { ownerId, state: { not: 'deleted' } } });
  },

  countOnPlatform(db: Reader, platformId: PlatformId): Promise<number> {
    return db.snapshot.count({ where: { platformId, state: { not: 'deleted' } } });
  },

  async idsOnPlatform(db: Reader, platformId: PlatformId): Promise<SnapshotId[]> {
    const where = { platformId, state: { not: 'deleted' } };
    return (await db.snapshot.findMany({ where, select: { id: true } })).map(({ id }) => id as SnapshotId);
  },

  async listOpen(db: Reader, platformId: PlatformId): Promise<SnapshotRow[]> {
    return (await db.snapshot.findMany({
      where: { platformId, state: { in: [...OPEN_STATES] } },
      orderBy: { id: 'asc' },
    })) as SnapshotRow[];
  },

  /** Those that this worker was asked to freeze for and that it has not said to be thawed of. */
  async heldBy(db: Reader, environmentId: EnvironmentId, generation: number): Promise<SnapshotRow[]> {
    return (await db.snapshot.findMany({
      where: { environmentId, generation, freeze: { in: ['asked', 'frozen', 'given_up'] satisfies Freeze[] } },
      orderBy: { id: 'asc' },
    })) as SnapshotRow[];
  },

  /** Applies the event where it changes something; false for a late or doubled one. */
  async advance(tx: Tx, id: SnapshotId, event: SnapshotEvent, fields: SnapshotFields): Promise<boolean> {
    const before = statesBefore(event);
    const state = before[0] && reduceSnapshot(before[0], event);
    if (!state) return false;
    const { failure, ...plain } = fields;
    const { count } = await tx.snapshot.updateMany({
      where: { id, state: { in: before } },
      data: { ...plain, state, ...(failure === undefined ? {} : { failure: failure ?? Prisma.DbNull }) },
    });
    return count === 1;
  },

  /** False when the worker was asked for something else in the meantime. */
  async setFreeze(
    tx: Tx,
    guard: { id: SnapshotId; from: readonly Freeze[]; state?: SnapshotState; generation?: number | null },
    fields: { freeze: Freeze; deadlineAt?: Date; reason?: string | null },
  ): Promise<boolean> {
    const { from, ...where } = guard;
    const { count } = await tx.snapshot.updateMany({ where: { ...where, freeze: { in: [...from] } }, data: fields });
    return count === 1;
  },

  async setReason(tx: Tx, id: SnapshotId, reason: string): Promise<boolean> {
    const { count } = await tx.snapshot.updateMany({
      where: { id, state: { in: [...OPEN_STATES] }, OR: [{ reason: null }, { reason: { not: reason } }] },
      data: { reason },
    });
    return count === 1;
  },

  async overdue(db: Reader, now: Date, limit: number): Promise<SnapshotId[]> {
    const rows = await db.snapshot.findMany({
      where: { deadlineAt: { lte: now } },
      orderBy: { deadlineAt: 'asc' },
      select: { id: true },
      take: limit,
    });
    return rows.map((row) => row.id as SnapshotId);
  },
};
