import type { EnvironmentId } from '@easel/schema/ids';
import type { Queryable } from '../db.ts';
import { type Beat, presenceStore } from './presence.store.ts';

/** What the environment's worker said last, also after a stop; null when it never said anything. */
export async function lastBeat(database: Queryable, id: EnvironmentId): Promise<Beat | null> {
  return (await presenceStore.find(database, [id])).get(id)?.beat ?? null;
}
