/**
 * The heart: what is wanted of one environment and what is seen of it make the next thing to do. Pure. After each act it is
 * asked again, so an act does one thing, and a scheduler that was killed between two of them goes on where it was.
 *
 * A placement is *held* while this scheduler has its lease. Without the lease nothing is changed, only told; but for a
 * volume that is to grow, which can be asked for by anybody and never shrinks. What the server has been told is not told
 * again (`news`); what to make of it is the server's to decide.
 */
import type { Observation, Placement } from '@easel/schema/wire/placement';
import type { ObservedWorker, RunPlacement } from './platform.ts';
import type { News } from './told.ts';

export interface Wanted {
  placement: Placement;
  isHeld: boolean;
}

export type Action =
  /** Make the worker, then say that it is placed. */
  | { type: 'start'; placement: RunPlacement }
  /** End a worker of an older generation that stands in the way of this one. */
  | { type: 'clear'; placement: Placement }
  /** End what runs and free all but the volume, or the volume too; then say that it has ended. */
  | { type: 'end' | 'erase'; placement: Placement }
  /** Ask for a larger volume. */
  | { type: 'grow'; placement: Placement; diskBytes: number }
  | { type: 'tell'; observation: Observation; placement: Placement };

/** Gives the next act, or null when nothing is to be done. */
export function decide(wanted: readonly Wanted[], worker: ObservedWorker | null, news: News): Action | null {
  // The oldest first: nothing of a newer generation begins before the older one has ended.
  for (const one of [...wanted].sort((a, b) => a.placement.generation - b.placement.generation)) {
    const action = decideOne(one, worker, news);
    if (action) return action;
  }
  return null;
}

function decideOne({ placement, isHeld }: Wanted, worker: ObservedWorker | null, news: News): Action | null {
  switch (placement.wish) {
    case 'erase':
      return isHeld ? { type: 'erase', placement } : null;
    case 'end':
      return isHeld ? decideEnd(placement, worker) : null;
    case 'run':
      return decideRun(placement, isHeld, worker, news);
  }
}

function decideEnd(placement: Placement, worker: ObservedWorker | null): Action {
  // A newer worker is somebody else's: of this placement's own nothing is left.
  if (worker && worker.generation > placement.generation) {
    return { type: 'tell', placement, observation: { type: 'ended', placementId: placement.id, wish: placement.wish } };
  }
  return { type: 'end', placement };
}

function decideRun(placement: Placement, isHeld: boolean, worker: ObservedWorker | null, news: News): Action | null {
  const placementId = placement.id;
  const isPlaced = placement.state === 'placed';
  const tell = (observation: Observation): Action | null =>
    news.isNews(observation) ? { type: 'tell', placement, observation } : null;
  const tellGone = (reason: string) => tell({ type: 'gone', placementId, reason });

  if (worker && worker.workerId === placement.workerId) {
    const { state } = worker;
    switch (state.kind) {
      case 'running':
        if (isHeld) return { type: 'tell', placement, observation: { type: 'placed', placementId } };
        return isPlaced ? decideVolume(placement, worker, tell) : null;
      case 'pending':
        return isHeld ? tell({ type: 'pending', placementId, reason: state.reason }) : null;
      case 'broken':
        if (isHeld)
          return { type: 'tell', placement, observation: { type: 'failed', placementId, failure: state.failure } };
        return isPlaced ? tellGone(state.failure.message) : null;
      case 'leaving':
        return isHeld || isPlaced ? tell({ type: 'evicted', placementId, reason: state.reason }) : null;
      case 'ended': {
        if (!isHeld && !isPlaced) return null;
        const evicted = state.isEvicted ? tell({ type: 'evicted', placementId, reason: state.reason }) : null;
        // A worker is never used again: one that has ended before it was placed is gone, too.
        return evicted ?? tellGone(state.reason);
      }
      case 'intended':
        return isPlaced ? tellGone('the worker did not come to be') : start(placement, isHeld);
    }
  }
  if (worker && worker.generation > placement.generation) return null;
  if (isPlaced) return tellGone('no trace of the worker is left on the platform');
  if (worker) return isHeld ? { type: 'clear', placement } : null;
  return start(placement, isHeld);
}

function decideVolume(
  placement: Placement,
  worker: ObservedWorker,
  tell: (observation: Observation) => Action | null,
): Action | null {
  const { volume } = worker;
  if (!volume) return null;
  const diskBytes = placement.spec?.diskBytes ?? 0;
  if (diskBytes > volume.requestedBytes) return { type: 'grow', placement, diskBytes };
  const { capacityBytes, problem } = volume;
  return tell({ type: 'volume', placementId: placement.id, capacityBytes, problem });
}

/** The token comes with the claim; a placement held without it is claimed anew when its lease has run out. */
function start(placement: Placement, isHeld: boolean): Action | null {
  const { workerId, workerToken } = placement;
  return isHeld && workerId && workerToken
    ? { type: 'start', placement: { ...placement, workerId, workerToken } }
    : null;
}
