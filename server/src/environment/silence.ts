import type { EnvironmentId } from '@easel/schema/ids';
import type { Tx } from '../db.ts';
import { adjust, transition } from './transition.ts';

/**
 * Marks the worker as not heard, however it was noticed: `running` becomes `interrupted`; a start that is under way is
 * waited for as long; a stop keeps its own deadline. The platform that saw the worker end shortens the wait that a missing
 * heartbeat began.
 */
export async function silence(
  tx: Tx,
  seen: { environmentId: EnvironmentId; generation: number; reason: string; limitSeconds: number; now: Date },
): Promise<boolean> {
  const { environmentId, generation, reason, limitSeconds, now } = seen;
  const facts = { reason, limitSeconds };
  const event = 'workerSilent';
  if (await transition(tx, { environmentId, event, actor: 'server', now, generation, facts })) return true;
  const deadlineAt = new Date(now.getTime() + limitSeconds * 1000);
  const adjusted = await adjust(tx, environmentId, (row) => {
    if (row.generation !== generation) return null;
    if (row.phase === 'stopping') return row.connectivity === 'online' ? { connectivity: 'lost' } : null;
    if (row.phase !== 'starting' && row.phase !== 'interrupted') return null;
    if (row.connectivity === 'lost' && row.deadlineAt && row.deadlineAt <= deadlineAt) return null;
    return { connectivity: 'lost', reason, deadlineAt };
  });
  return adjusted !== null;
}
