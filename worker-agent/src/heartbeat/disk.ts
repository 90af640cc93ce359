import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface DiskUse {
  usedBytes: number;
  totalBytes: number;
}

const duLimitMs = 60_000;

/**
 * What the volume holds, and how much its file system could. Where the folder cannot be walked, what the whole file
 * system holds. Source: du(1), POSIX form, so that busybox's will do.
 */
export async function diskUse(dir: string): Promise<DiskUse> {
  const { blocks, bfree, bsize } = await statfs(dir);
  const totalBytes = blocks * bsize;
  const usedBytes = (await folderBytes(dir)) ?? (blocks - bfree) * bsize;
  return { usedBytes, totalBytes };
}

async function folderBytes(dir: string): Promise<number | null> {
  try {
    const { stdout } = await promisify(execFile)('nice', ['-n', '19', 'du', '-skx', dir], { timeout: duLimitMs });
    return kilobytes(stdout);
  } catch (err) {
    // A file that went away, or a folder that we may not enter, spoils the exit code, not the sum.
    return kilobytes((err as { stdout?: string }).stdout ?? '');
  }
}

function kilobytes(stdout: string): number | null {
  const match = /^(\d+)\s/.exec(stdout);
  return match ? Number(match[1]) * 1024 : null;
}
