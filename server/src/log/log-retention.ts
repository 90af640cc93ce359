/**
 * Forgets logs: of deleted environments at once, of earlier starts after a month. Objects go first, so that what is cut
 * short is found again by its rows.
 */
import type { Queryable } from '../db.ts';
import { MAX_LISTED, type ObjectStore } from '../objects/objects.ts';
import { logPrefix } from './chunk.ts';
import { logStore } from './log.store.ts';

const logsPerTurn = 100;

interface Parts {
  database: Queryable;
  objects: ObjectStore;
}

/** Removes the logs of environments that are deleted. Gives how many. */
export async function removeOrphanedLogs({ database, objects }: Parts): Promise<number> {
  const ids = await logStore.orphaned(database, logsPerTurn);
  for (const id of ids) {
    await removeObjects(objects, logPrefix(id));
    await logStore.forget(database, id);
  }
  return ids.length;
}

/** Removes the logs of starts before an environment's last one that are older than `days`. Gives how many. */
export async function forgetEarlierLogs({ database, objects }: Parts, days: number): Promise<number> {
  const logs = await logStore.ofEarlierStarts(database, { days, limit: logsPerTurn });
  for (const { environmentId, generation } of logs) {
    await removeObjects(objects, `${logPrefix(environmentId)}${generation}/`);
    await logStore.forgetGeneration(database, environmentId, generation);
  }
  return logs.length;
}

/** Also takes objects that no row names: a writer that was cut short has left them. */
async function removeObjects(objects: ObjectStore, prefix: string): Promise<void> {
  for (;;) {
    const found = await objects.list(prefix);
    await objects.remove(found.map(({ key }) => key));
    if (found.length < MAX_LISTED) return;
  }
}
