import type { EnvironmentId } from '@easel/schema/ids';
import { PHASES_WITH_WORKER } from '@easel/schema/states/environment';
import type { Reader } from '../db.ts';
import { environmentStore } from './environment.store.ts';

/** Whether anybody may write to the environment's volume now. */
export async function hasWorker(db: Reader, environmentId: EnvironmentId): Promise<boolean> {
  const row = await environmentStore.find(db, environmentId);
  return row !== null && PHASES_WITH_WORKER.has(row.phase);
}
