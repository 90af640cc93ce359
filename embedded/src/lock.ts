/** One supervisor per data folder. */
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdExclusively } from '@easel/kit/exclusive';
import { StartProblem } from './problem.ts';

/** Throws StartProblem when another supervisor holds the folder. */
export async function lockDataFolder(dataDir: string): Promise<{ release(): Promise<void> }> {
  const holderFile = join(dataDir, 'supervisor.pid');
  const lock = await holdExclusively(`supervisor ${realpathSync(dataDir)}`);
  if (!lock) {
    const holder = readHolder(holderFile);
    throw new StartProblem(
      `another Easel${holder ? ` (process ${holder})` : ''} uses ${dataDir}: stop it, or use --data and other ports for a second one.`,
    );
  }
  // For the message alone: the lock is the kernel's.
  writeFileSync(holderFile, `${process.pid}\n`);
  return {
    async release() {
      rmSync(holderFile, { force: true });
      await lock.release();
    },
  };
}

function readHolder(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
