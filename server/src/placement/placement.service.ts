/**
 * The queue of wishes to a computing platform's scheduler. It knows nothing of phases: environments say what they wish
 * here, and `platform/scheduler.service.ts` takes from it what a scheduler asks for.
 */
import type { EnvironmentId, PlacementId, PlatformId, WorkerId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import { placementStore } from './placement.store.ts';
import type { PlacementRow } from './placement-row.ts';

interface Placed {
  id: EnvironmentId;
  platformId: PlatformId;
  generation: number;
}

export interface Claim {
  limit: number;
  leaseSeconds: number;
  claimedBy: string;
}

export const placements = {
  /** Gives the oldest due ones to the claimer; they leave the queue for others while the lease lasts. */
  async claim(db: Reader, platformId: PlatformId, claim: Claim): Promise<PlacementRow[]> {
    const ids = await placementStore.claim(db, platformId, claim);
    return ids.length === 0 ? [] : placementStore.findMany(db, ids);
  },

  /** Gives those that the claimer still holds. */
  renew(
    db: Reader,
    platformId: PlatformId,
    renewal: { ids: readonly string[]; leaseSeconds: number; claimedBy: string },
  ): Promise<PlacementId[]> {
    return placementStore.renew(db, platformId, renewal);
  },

  /** All of the platform that have not ended. */
  listOpen(db: Reader, platformId: PlatformId): Promise<PlacementRow[]> {
    return placementStore.listOpen(db, platformId);
  },

  /** Null for what is not the platform's, and for what has ended. */
  async findOpen(tx: Tx, platformId: PlatformId, id: PlacementId): Promise<PlacementRow | null> {
    const row = await placementStore.find(tx, id);
    return row?.platformId === platformId && row.state !== 'ended' ? row : null;
  },

  /** False when the wish has changed in the meantime. */
  placed(tx: Tx, placement: PlacementRow): Promise<boolean> {
    return placementStore.setPlaced(tx, placement.id);
  },

  /** What was claimed is done. False when the wish has changed in the meantime. */
  ended(tx: Tx, { id, wish }: PlacementRow): Promise<boolean> {
    return placementStore.end(tx, id, { wish, state: 'claimed' });
  },

  /** A worker of this generation is to run. */
  async wishRun(tx: Tx, environment: Placed, workerId: WorkerId): Promise<void> {
    const { id, platformId, generation } = environment;
    await placementStore.insert(tx, { environmentId: id, platformId, workerId, generation, wish: 'run' });
  },

  /** Whatever runs is to end and to free all but the volume. A worker that no scheduler has heard of is just forgotten. */
  async wishEnd(tx: Tx, environment: Placed): Promise<void> {
    for (const open of await placementStore.openOf(tx, environment.id)) {
      if (open.wish !== 'run') continue;
      if (await forgetUnclaimed(tx, open)) continue;
      await placementStore.changeWish(tx, open.id, 'end');
    }
  },

  /** No scheduler will ever fulfil what was wished of it. */
  abandon(tx: Tx, environment: Pick<Placed, 'id'>): Promise<void> {
    return placementStore.endAll(tx, environment.id);
  },

  /** The volume is to go too: the newest placement that still stands carries the wish, or else a new one. */
  async wishErase(tx: Tx, environment: Placed): Promise<void> {
    const standing: PlacementRow[] = [];
    for (const open of await placementStore.openOf(tx, environment.id)) {
      if (!(await forgetUnclaimed(tx, open))) standing.push(open);
    }
    const newest = standing.at(-1);
    if (newest) {
      await placementStore.changeWish(tx, newest.id, 'erase');
      return;
    }
    const { id, platformId, generation } = environment;
    await placementStore.insert(tx, { environmentId: id, platformId, workerId: null, generation, wish: 'erase' });
  },
};

/** Ends a `run` that nobody has ever claimed: nothing exists of it that a scheduler would have to clean up. */
async function forgetUnclaimed(tx: Tx, placement: PlacementRow): Promise<boolean> {
  if (placement.wish !== 'run' || placement.state !== 'waiting' || placement.claimedBy !== null) return false;
  return placementStore.end(tx, placement.id, { wish: 'run', state: 'waiting' });
}
