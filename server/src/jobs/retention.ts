/** Forgets what is over: rows and logs of earlier starts after a month. */
import type { Queryable } from '../db.ts';
import { forgetEarlierLogs } from '../log/log-retention.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { retentionStore } from './retention.store.ts';

const keepDays = 30;
const rowsPerTurn = 10_000;

/** Gives how many rows and logs went. */
export async function forgetEarlierStarts(parts: { database: Queryable; objects: ObjectStore }): Promise<number> {
  const rows = await retentionStore.prune(parts.database, { days: keepDays, limit: rowsPerTurn });
  return rows + (await forgetEarlierLogs(parts, keepDays));
}
