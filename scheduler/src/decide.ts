/**
 * The heart: what is wanted of one environment and what is seen of it make the next thing to do. Pure. After each act it is
 * asked again, so an act does one thing, and a scheduler that was killed between two of them goes on where it was.
 *
 * A placement is *held* while this scheduler has its lease. Without the lease nothing is changed, only told. A worker that
 * is gone is told of once (`told`); what to make of it is the server's to decide.
 */
import type { WorkerId } from '@easel/schema/ids';
import type { Observation, Placement } from '@easel/schema/wire/placement';
import type { ObservedWorker, RunPlacement } from './platform.ts';

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
  | { type: 'tell'; observation: Observation; placement: Placement };

/** Gives the next act, or null when nothing is to be done. `told`: workers whose end the server has been told of. */
export function decide(
  wanted: readonly Wanted[],
  worker: ObservedWorker | null,
  told: ReadonlySet<WorkerId>,
): Action | null {
  // The oldest first: nothing of a newer generation begins before the older one has ended.
  for (const one of [...wanted].sort((a, b) => a.placement.generation - b.placement.generation)) {
    const action = decideOne(one, worker, told);
    if (action) return action;
  }
  return null;
}

function decideOne({ placement, isHeld }: Wanted, worker: ObservedWorker | null, told: ReadonlySet<WorkerId>) {
  switch (placement.wish) {
    case 'erase':
      return isHeld ? ({ type: 'erase', placement } as const) : null;
    case 'end':
      return isHeld ? decideEnd(placement, worker) : null;
    case 'run':
      return decideRun(placement, isHeld, worker, told);
  }
}

function decideEnd(placement: Placement, worker: ObservedWorker | null): Action {
  // A newer worker is somebody else's: of this placement's own nothing is left.
  if (worker && worker.generation > placement.generation) {
    return { type: 'tell', placement, observation: { type: 'ended', placementId: placement.id, wish: placement.wish } };
  }
  return { type: 'end', placement };
}

function decideRun(
  placement: Placement,
  isHeld: boolean,
  worker: ObservedWorker | null,
  told: ReadonlySet<WorkerId>,
): Action | null {
  const isPlaced = placement.state === 'placed';
  const tellGone = (reason: string): Action | null =>
    placement.workerId && told.has(placement.workerId)
      ? null
      : { type: 'tell', placement, observation: { type: 'gone', placementId: placement.id, reason } };

  if (worker && worker.workerId === placement.workerId) {
    switch (worker.state.kind) {
      case 'running':
        return isHeld ? { type: 'tell', placement, observation: { type: 'placed', placementId: placement.id } } : null;
      case 'ended':
        // A worker is never used again: one that has ended before it was placed is gone, too.
        return isHeld || isPlaced ? tellGone(worker.state.reason) : null;
      case 'intended':
        return isPlaced ? tellGone('the worker did not come to be') : start(placement, isHeld);
    }
  }
  if (worker && worker.generation > placement.generation) return null;
  if (isPlaced) return tellGone('no trace of the worker is left on the platform');
  if (worker) return isHeld ? { type: 'clear', placement } : null;
  return start(placement, isHeld);
}

/** The token comes with the claim; a placement held without it is claimed anew when its lease has run out. */
function start(placement: Placement, isHeld: boolean): Action | null {
  const { workerId, workerToken } = placement;
  return isHeld && workerId && workerToken
    ? { type: 'start', placement: { ...placement, workerId, workerToken } }
    : null;
}
