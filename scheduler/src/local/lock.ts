import { mkdirSync, realpathSync } from 'node:fs';
import { type Exclusive, holdExclusively } from '@easel/kit/exclusive';

/** One scheduler per data folder: only so is an intent without a process what a dead one left, and not another's next step. */
export async function lockPlatform(dataDir: string): Promise<Exclusive> {
  mkdirSync(dataDir, { recursive: true });
  const lock = await holdExclusively(`scheduler ${realpathSync(dataDir)}`);
  if (!lock) throw new Error(`another scheduler works on ${dataDir}: stop it, or give this one another EASEL_DATA_DIR`);
  return lock;
}
