/** Forgets what is over: logs of deleted environments at once, rows and logs of earlier starts after a month. */
import type { EnvironmentId } from '@easel/schema/ids';
import { logPrefix } from '../log/chunk.ts';
import { logStore, type Queryable } from '../log/log.store.ts';
import { MAX_LISTED, type ObjectStore } from '../objects/objects.ts';
import { retentionStore } from './retention.store.ts';

const keepDays = 30;
const rowsPerTurn = 10_000;
const logsPerTurn = 100;

interface Parts {
  database: Queryable;
  objects: ObjectStore;
}

/** Removes the logs of environments that are deleted. The objects go first: what is cut short is found again by its rows. */
export async function removeOrphanedLogs(parts: Parts): Promise<number> {
  const ids = await logStore.orphaned(parts.database, logsPerTurn);
  for (const id of ids) await removeLog(parts, id);
  return ids.length;
}

async function removeLog({ database, objects }: Parts, id: EnvironmentId): Promise<void> {
  await removeObjects(objects, logPrefix(id));
  await logStore.forget(database, id);
}

/** Also takes objects that no row names: a writer that was cut short has left them. */
async function removeObjects(objects: ObjectStore, prefix: string): Promise<void> {
  for (;;) {
    const found = await objects.list(prefix);
    await objects.remove(found.map(({ key }) => key));
    if (found.length < MAX_LISTED) return;
  }
}

/** Gives how many rows and logs went. */
export async function forgetEarlierStarts({ database, objects }: Parts): Promise<number> {
  let count = await retentionStore.prune(database, { days: keepDays, limit: rowsPerTurn });
  for (const old of await retentionStore.oldLogs(database, { days: keepDays, limit: logsPerTurn })) {
    await removeObjects(objects, `${logPrefix(old.environmentId)}${old.generation}/`);
    await logStore.forgetGeneration(database, old.environmentId, old.generation);
    count++;
  }
  return count;
}
