/** Does what was decided, on the platform first, then tells the server. Both may be repeated. */
import type { Log } from '@easel/kit/log';
import type { Observation } from '@easel/schema/wire/placement';
import type { Action } from './decide.ts';
import type { Platform } from './platform.ts';
import { PlatformBusy, PlatformRefusal } from './refusal.ts';

/** What has become of the placement: its wish is fulfilled, nothing more is to be done for it, or it is as before. */
export type Outcome = 'placed' | 'over' | 'same';

/** Throws what the platform or the API threw: the act is to be tried again. */
export async function act(
  action: Action,
  parts: { tell: (observation: Observation) => Promise<void>; platform: Platform; log: Log },
): Promise<Outcome> {
  const { tell, platform, log } = parts;
  const { placement } = action;
  const placementId = placement.id;
  switch (action.type) {
    case 'start':
      try {
        await platform.start(action.placement);
      } catch (err) {
        if (err instanceof PlatformRefusal) {
          log.warn({ environmentId: placement.environmentId, err }, 'platform refused the worker');
          await tell({ type: 'failed', placementId, failure: err.failure });
          return 'over';
        }
        await tell({ type: 'pending', placementId, reason: pendingReason('The worker cannot be started', err) });
        throw err;
      }
      // What is seen of it next says whether it is placed.
      return 'same';
    case 'clear':
      await platform.end(placement.environmentId);
      return 'same';
    case 'end':
    case 'erase':
      try {
        await platform[action.type](placement.environmentId);
      } catch (err) {
        await tell({ type: 'pending', placementId, reason: pendingReason('What is left cannot be cleaned up', err) });
        throw err;
      }
      await tell({ type: 'ended', placementId, wish: action.type });
      return 'over';
    case 'grow':
      await platform.grow?.(placement.environmentId, action.diskBytes);
      return 'same';
    case 'tell': {
      const { observation } = action;
      await tell(observation);
      if (observation.type === 'placed') return 'placed';
      return observation.type === 'ended' || observation.type === 'failed' ? 'over' : 'same';
    }
  }
}

function pendingReason(what: string, err: unknown): string {
  const message = err instanceof Error ? err.message : String(err);
  return (err instanceof PlatformBusy ? message : `${what} yet: ${message}`).slice(0, 500);
}
