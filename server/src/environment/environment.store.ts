/** The only file that touches the tables `environments` and `environment_events`. */
import { type EnvironmentId, newId, type PlatformId, type SnapshotId, type UserId } from '@easel/schema/ids';
import type { DesiredState, EnvironmentEvent, EnvironmentPhase } from '@easel/schema/states/environment';
import { escapeLike, type Reader, type Tx } from '../db.ts';
import { type Environment, type EnvironmentEvent as EventRow, Prisma } from '../generated/prisma/client.ts';
import type { Policy } from './cleanup.ts';
import type { EnvironmentFields, EnvironmentRow, NewEnvironment, WantedOfPlatform } from './environment-row.ts';

/** Phase and wish come from the state machine alone, so they are not part of `EnvironmentFields`. */
type StateFields = { phase: EnvironmentPhase; desired: DesiredState };

/** A stored event, with its environment as it is now. */
export type NewsEvent = EventRow & {
  environment: EnvironmentRow & {
    owner: { id: string; login: string };
    platform: { id: string; name: string };
    template: { id: string; name: string } | null;
  };
};

/** As cleanup.ts has it. */
const UNUSED_SINCE = "greatest(CASE phase WHEN 'stopped' THEN stopped_at ELSE failed_at END, kept_at, created_at)";

/** Those that stand still, and of which no snapshot is being taken. */
async function unused(db: Reader, condition: string, until: Date, limit: number): Promise<EnvironmentId[]> {
  const rows = await db.$queryRawUnsafe<{ id: EnvironmentId }[]>(
    `SELECT id FROM environments e WHERE phase IN ('stopped', 'failed') AND desired <> 'deleted'
       AND NOT EXISTS (SELECT FROM snapshots s WHERE s.environment_id = e.id AND s.state IN ('waiting', 'taking'))
       AND ${condition} LIMIT $2`,
    until,
    limit,
  );
  return rows.map(({ id }) => id);
}

export const environmentStore = {
  async find(db: Reader, id: EnvironmentId): Promise<EnvironmentRow | null> {
    return (await db.environment.findUnique({ where: { id } })) as EnvironmentRow | null;
  },

  async findByRequestKey(db: Reader, ownerId: UserId, requestKey: string): Promise<EnvironmentRow | null> {
    return (await db.environment.findUnique({
      where: { ownerId_requestKey: { ownerId, requestKey } },
    })) as EnvironmentRow | null;
  },

  async findByName(db: Reader, ownerId: UserId, name: string): Promise<EnvironmentRow | null> {
    return (await db.environment.findFirst({
      where: { ownerId, name, phase: { not: 'deleted' } },
    })) as EnvironmentRow | null;
  },

  /** A page of the owner's environments, newest first; `query` is what the API's selection asks for. */
  page(
    db: Reader,
    query: Pick<Prisma.EnvironmentFindManyArgs, 'include' | 'select' | 'cursor' | 'take' | 'skip'>,
    filter: { ownerId: UserId; phases: readonly EnvironmentPhase[] | null; search: string | null },
  ): Promise<Environment[]> {
    const { ownerId, phases, search } = filter;
    return db.environment.findMany({
      ...query,
      where: {
        ownerId,
        phase: phases ? { in: [...phases] } : { not: 'deleted' },
        ...(search ? { name: { contains: escapeLike(search), mode: 'insensitive' } } : {}),
      },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    } as Prisma.EnvironmentFindManyArgs);
  },

  countOf(db: Reader, ownerId: UserId): Promise<number> {
    return db.environment.count({ where: { ownerId, phase: { not: 'deleted' } } });
  },

  /** The deleted are not counted. */
  async countByPhase(db: Reader): Promise<Map<string, number>> {
    const groups = await db.environment.groupBy({
      by: ['phase'],
      where: { phase: { not: 'deleted' } },
      _count: { _all: true },
    });
    return new Map(groups.map((group) => [group.phase, group._count._all]));
  },

  async insert(tx: Tx, row: NewEnvironment): Promise<EnvironmentRow> {
    const { spec, instanceType, ...plain } = row;
    return (await tx.environment.create({
      data: {
        ...plain,
        spec: spec as Prisma.InputJsonObject,
        instanceType: (instanceType as Prisma.InputJsonObject | null) ?? Prisma.DbNull,
        connectivity: 'waiting',
      },
    })) as unknown as EnvironmentRow;
  },

  /**
   * Writes only if nobody else has written since `row` was read, and gives the row as it is then; null when somebody has.
   * `environment/transition.ts` is the only caller.
   */
  async compareAndSet(
    tx: Tx,
    row: EnvironmentRow,
    fields: EnvironmentFields & Partial<StateFields>,
  ): Promise<EnvironmentRow | null> {
    const { failure, inside, ...plain } = fields;
    const { count } = await tx.environment.updateMany({
      where: { id: row.id, version: row.version },
      data: {
        ...plain,
        ...(failure === undefined ? {} : { failure: failure ?? Prisma.DbNull }),
        ...(inside === undefined ? {} : { inside: (inside as Prisma.InputJsonObject | null) ?? Prisma.DbNull }),
        version: { increment: 1 },
      },
    });
    return count === 0 ? null : { ...row, ...fields, version: row.version + 1 };
  },

  /** Events that nobody has been told of, in the order of their time: each is given to one caller, once. */
  takeUntold(tx: Tx, limit: number): Promise<{ id: string }[]> {
    return tx.$queryRawUnsafe<{ id: string }[]>(
      `UPDATE environment_events AS e SET is_told = true
       FROM (SELECT id FROM environment_events WHERE NOT is_told ORDER BY at, id LIMIT $1 FOR UPDATE SKIP LOCKED) AS news
       WHERE e.id = news.id RETURNING e.id`,
      limit,
    );
  },

  async eventsOf(db: Reader, ids: readonly string[]): Promise<NewsEvent[]> {
    const rows = await db.environmentEvent.findMany({
      where: { id: { in: [...ids] } },
      include: {
        environment: {
          include: {
            owner: { select: { id: true, login: true } },
            platform: { select: { id: true, name: true } },
            template: { select: { id: true, name: true } },
          },
        },
      },
      orderBy: [{ at: 'asc' }, { id: 'asc' }],
    });
    return rows as unknown as NewsEvent[];
  },

  /** Each version of a row has at most one event, so a doubled one cannot be stored. */
  async insertEvent(
    tx: Tx,
    event: {
      environmentId: EnvironmentId;
      version: number;
      at: Date;
      from: EnvironmentPhase | null;
      to: EnvironmentPhase;
      cause: EnvironmentEvent | 'created';
      actor: string;
    },
  ): Promise<void> {
    await tx.environmentEvent.create({ data: { id: newId('event', event.at.getTime()), ...event } });
  },

  async overdue(db: Reader, now: Date, limit: number): Promise<EnvironmentId[]> {
    const rows = await db.environment.findMany({
      where: { deadlineAt: { lte: now } },
      orderBy: { deadlineAt: 'asc' },
      select: { id: true },
      take: limit,
    });
    return rows.map((row) => row.id as EnvironmentId);
  },

  /** Locked until the transaction ends, so that nothing else becomes of it meanwhile. */
  async lock(tx: Tx, id: EnvironmentId): Promise<EnvironmentRow | null> {
    await tx.$executeRawUnsafe('SELECT FROM environments WHERE id = $1 FOR UPDATE', id);
    return environmentStore.find(tx, id);
  },

  /** Those whose owner is to be warned, the longest unused first: cleanup.ts has the last word on each. */
  dueForWarning(db: Reader, { days, noticeDays }: Policy, now: Date, limit: number): Promise<EnvironmentId[]> {
    const unusedSince = new Date(now.getTime() - Math.max(0, days - noticeDays) * 86_400_000);
    return unused(db, `cleanup_at IS NULL AND ${UNUSED_SINCE} <= $1 ORDER BY ${UNUSED_SINCE}`, unusedSince, limit);
  },

  /** Those whose time is over. */
  dueForCleanup(db: Reader, now: Date, limit: number): Promise<EnvironmentId[]> {
    return unused(db, 'cleanup_at <= $1 ORDER BY cleanup_at', now, limit);
  },

  async forgetCleanups(db: Reader): Promise<void> {
    const data = { cleanupAt: null, cleanupWarnedAt: null };
    await db.environment.updateMany({ where: { cleanupAt: { not: null } }, data });
  },

  /** What a scheduler is told of these environments with their placements. */
  async wantedOf(db: Reader, ids: readonly string[]): Promise<Map<string, WantedOfPlatform>> {
    const select = { id: true, name: true, instanceType: true, diskBytes: true, restoredFromId: true };
    const rows = await db.environment.findMany({ where: { id: { in: [...ids] } }, select });
    return new Map((rows as unknown as WantedOfPlatform[]).map((row) => [row.id, row]));
  },

  /** Environments of each platform that are not deleted; a platform without one is not in the map. */
  async countsOnPlatforms(db: Reader, ids: readonly string[]): Promise<Map<string, number>> {
    const groups = await db.environment.groupBy({
      by: ['platformId'],
      where: { platformId: { in: [...ids] }, phase: { not: 'deleted' } },
      _count: { _all: true },
    });
    return new Map(groups.map((group) => [group.platformId, group._count._all]));
  },

  async idsOnPlatform(db: Reader, platformId: PlatformId): Promise<EnvironmentId[]> {
    const where = { platformId, phase: { not: 'deleted' } };
    return (await db.environment.findMany({ where, select: { id: true } })).map(({ id }) => id as EnvironmentId);
  },

  /** Those that are being made from this snapshot for the first time. */
  async beingRestored(db: Reader, snapshotId: SnapshotId): Promise<string[]> {
    const rows = await db.environment.findMany({
      where: { restoredFromId: snapshotId, generation: 1, phase: { in: ['queued', 'provisioning'] } },
      select: { name: true },
    });
    return rows.map((row) => row.name);
  },

  async phasesOf(
    db: Reader,
    platformId: PlatformId,
    ids: readonly string[],
  ): Promise<{ id: EnvironmentId; phase: EnvironmentPhase }[]> {
    const where = { platformId, id: { in: [...ids] } };
    const rows = await db.environment.findMany({ where, select: { id: true, phase: true } });
    return rows as { id: EnvironmentId; phase: EnvironmentPhase }[];
  },

  /** The owner's environments that have, or soon have, a worker to tell something. */
  async withWorkerOf(
    db: Reader,
    ownerIds: readonly UserId[],
    phases: readonly EnvironmentPhase[],
  ): Promise<EnvironmentId[]> {
    const rows = await db.environment.findMany({
      where: { ownerId: { in: [...ownerIds] }, phase: { in: [...phases] } },
      select: { id: true },
    });
    return rows.map((row) => row.id as EnvironmentId);
  },
};
