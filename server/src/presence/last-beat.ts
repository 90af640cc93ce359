import type { EnvironmentId } from '@easel/schema/ids';
import { type Beat, presenceStore, type Queryable } from './presence.store.ts';

/** What the environment's worker said last, also after a stop; null when it never said anything. */
export async function lastBeat(database: Queryable, id: EnvironmentId): Promise<Beat | null> {
  return (await presenceStore.find(database, [id])).get(id)?.beat ?? null;
}
