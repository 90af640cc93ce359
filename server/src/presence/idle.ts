import type { Queryable } from '../db.ts';
import { presenceStore, type WorkerOfEnvironment } from './presence.store.ts';

/** Environments in which nothing has happened for as long as their template allows, at most `limit`. */
export function idleEnvironments(
  database: Queryable,
  limit: number,
): Promise<(WorkerOfEnvironment & { idleMinutes: number })[]> {
  return presenceStore.idle(database, limit);
}
