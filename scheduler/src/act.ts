/** Does what was decided, on the platform first, then tells the server. Both may be repeated. */
import type { Log } from '@easel/kit/log';
import type { Observation } from '@easel/schema/wire/placement';
import type { SchedulerApi } from './api.ts';
import type { Action } from './decide.ts';
import type { Platform } from './platform.ts';
import { PlatformRefusal } from './refusal.ts';

export type Outcome = 'placed' | 'ended' | 'gone' | 'failed' | 'cleared';

/** Throws what the platform or the API threw: the act is to be tried again. */
export async function act(
  action: Action,
  parts: { api: SchedulerApi; platform: Platform; log: Log },
): Promise<Outcome> {
  const { api, platform, log } = parts;
  const { placement } = action;
  const placementId = placement.id;
  const tell = (observation: Observation) => api.report([observation]);
  switch (action.type) {
    case 'start':
      try {
        await platform.start(action.placement);
      } catch (err) {
        if (err instanceof PlatformRefusal) {
          log.warn({ environmentId: placement.environmentId, err }, 'platform refused the worker');
          await tell({ type: 'failed', placementId, failure: err.failure });
          return 'failed';
        }
        await tell({ type: 'pending', placementId, reason: pendingReason('The worker cannot be started', err) });
        throw err;
      }
      await tell({ type: 'placed', placementId });
      return 'placed';
    case 'clear':
      await platform.end(placement.environmentId);
      return 'cleared';
    case 'end':
    case 'erase':
      try {
        await platform[action.type](placement.environmentId);
      } catch (err) {
        await tell({ type: 'pending', placementId, reason: pendingReason('What is left cannot be cleaned up', err) });
        throw err;
      }
      await tell({ type: 'ended', placementId, wish: action.type });
      return 'ended';
    case 'tell': {
      const { observation } = action;
      await tell(observation);
      return observation.type === 'placed' || observation.type === 'ended' ? observation.type : 'gone';
    }
  }
}

function pendingReason(what: string, err: unknown): string {
  return `${what} yet: ${err instanceof Error ? err.message : String(err)}`.slice(0, 500);
}
