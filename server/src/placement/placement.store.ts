/**
 * The only file that touches the table `placements`.
 *
 * The queue is the rows that wait or are claimed, in the order of (run_at, id), which is the order of their partial index:
 * sorted by the id alone, PostgreSQL would walk the primary key over all finished rows. A claim locks what it takes and
 * passes over what others have locked, so that schedulers never wait for each other.
 */
import { type EnvironmentId, newId, type PlacementId, type PlatformId } from '@easel/schema/ids';
import {
  PLACEMENT_STATES,
  type PlacementEvent,
  type PlacementState,
  type PlacementWish,
  reducePlacement,
} from '@easel/schema/states/placement';
import type { Reader, Tx } from '../db.ts';
import type { PlacementRow } from './placement-row.ts';

/**
 * Takes the oldest due placements and gives their ids. $1 platform, $2 how many, $3 the lease in seconds, $4 who claims.
 * Due: waiting, or claimed with a lease that has run out. Not due: anything of an environment of which an older placement
 * still holds something, since two workers must never share a volume.
 * Source: PostgreSQL, SELECT … FOR UPDATE SKIP LOCKED. The clock is the database's, as for all leases.
 */
export const CLAIM_SQL = `
  WITH due AS (
    SELECT id FROM placements AS p
    WHERE platform_id = $1 AND state IN ('waiting', 'claimed') AND run_at <= now()
      AND (state = 'waiting' OR lease_expires_at < now())
      AND NOT EXISTS (
        SELECT FROM placements AS older
        WHERE older.environment_id = p.environment_id AND older.id <> p.id
          AND older.generation < p.generation AND older.state <> 'ended')
    ORDER BY run_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED)
  UPDATE placements AS p
  SET state = 'claimed', claimed_by = $4, lease_expires_at = now() + make_interval(secs => $3), version = version + 1
  FROM due WHERE p.id = due.id
  RETURNING p.id`;

const RENEW_SQL = `
  UPDATE placements SET lease_expires_at = now() + make_interval(secs => $3)
  WHERE platform_id = $1 AND id = ANY($2::text[]) AND state = 'claimed' AND claimed_by = $4
  RETURNING id`;

/** The states that an event changes: a guard that fits into the WHERE of one statement. */
function statesBefore(event: PlacementEvent): PlacementState[] {
  return PLACEMENT_STATES.filter((state) => reducePlacement(state, event) !== null);
}

export const placementStore = {
  async insert(
    tx: Tx,
    placement: Pick<PlacementRow, 'environmentId' | 'platformId' | 'workerId' | 'generation' | 'wish'>,
  ): Promise<void> {
    await tx.placement.create({ data: { id: newId('placement'), ...placement } });
  },

  async claim(
    db: Reader,
    platformId: PlatformId,
    claim: { limit: number; leaseSeconds: number; claimedBy: string },
  ): Promise<PlacementId[]> {
    const { limit, leaseSeconds, claimedBy } = claim;
    const rows = await db.$queryRawUnsafe<{ id: PlacementId }[]>(CLAIM_SQL, platformId, limit, leaseSeconds, claimedBy);
    return rows.map((row) => row.id);
  },

  /** Gives those that are still held by the caller. */
  async renew(
    db: Reader,
    platformId: PlatformId,
    renewal: { ids: readonly string[]; leaseSeconds: number; claimedBy: string },
  ): Promise<PlacementId[]> {
    const { ids, leaseSeconds, claimedBy } = renewal;
    const rows = await db.$queryRawUnsafe<{ id: PlacementId }[]>(
      RENEW_SQL,
      platformId,
      [...ids],
      leaseSeconds,
      claimedBy,
    );
    return rows.map((row) => row.id);
  },

  async find(db: Reader, id: PlacementId): Promise<PlacementRow | null> {
    return (await db.placement.findUnique({ where: { id } })) as PlacementRow | null;
  },

  async findMany(db: Reader, ids: readonly PlacementId[]): Promise<PlacementRow[]> {
    return (await db.placement.findMany({
      where: { id: { in: [...ids] } },
      orderBy: [{ runAt: 'asc' }, { id: 'asc' }],
    })) as PlacementRow[];
  },

  /** All that have not ended: what a scheduler that has just started compares with what it sees. */
  async listOpen(db: Reader, platformId: PlatformId): Promise<PlacementRow[]> {
    return (await db.placement.findMany({
      where: { platformId, state: { not: 'ended' } },
      orderBy: [{ runAt: 'asc' }, { id: 'asc' }],
    })) as PlacementRow[];
  },

  async openOf(tx: Tx, environmentId: EnvironmentId): Promise<PlacementRow[]> {
    return (await tx.placement.findMany({
      where: { environmentId, state: { not: 'ended' } },
      orderBy: [{ generation: 'asc' }, { id: 'asc' }],
    })) as PlacementRow[];
  },

  /** Back into the queue with another wish; whoever held it has lost it. */
  async changeWish(tx: Tx, id: PlacementId, wish: PlacementWish): Promise<boolean> {
    const { count } = await tx.placement.updateMany({
      where: { id, wish: { not: wish }, state: { in: statesBefore('wishChanged') } },
      data: {
        wish,
        state: 'waiting',
        claimedBy: null,
        leaseExpiresAt: null,
        runAt: new Date(),
        version: { increment: 1 },
      },
    });
    return count === 1;
  },

  async setPlaced(tx: Tx, id: PlacementId): Promise<boolean> {
    const { count } = await tx.placement.updateMany({
      where: { id, wish: 'run', state: { in: statesBefore('placed') } },
      data: { state: 'placed', leaseExpiresAt: null, version: { increment: 1 } },
    });
    return count === 1;
  },

  /** Ends all of the environment, whoever holds them. */
  async endAll(tx: Tx, environmentId: EnvironmentId): Promise<void> {
    await tx.placement.updateMany({
      where: { environmentId, state: { not: 'ended' } },
      data: { state: 'ended', leaseExpiresAt: null, endedAt: new Date(), version: { increment: 1 } },
    });
  },

  /** Ends what was claimed for this wish; a wish that has changed in the meantime is not fulfilled by it. */
  async end(tx: Tx, id: PlacementId, guard: { wish: PlacementWish; state: PlacementState }): Promise<boolean> {
    if (reducePlacement(guard.state, 'ended') === null) return false;
    const { count } = await tx.placement.updateMany({
      where: { id, ...guard },
      data: { state: 'ended', leaseExpiresAt: null, endedAt: new Date(), version: { increment: 1 } },
    });
    return count === 1;
  },
};
