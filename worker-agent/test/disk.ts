/** A disk of its own for a test: a file system in a file. Needs root and loop devices. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Disk {
  /** Where it is mounted. */
  dir: string;
  remove(): void;
}

export function makeDisk(size: string): Disk {
  const scratch = mkdtempSync(join(tmpdir(), 'easel-disk-'));
  const [image, dir] = [join(scratch, 'image'), join(scratch, 'mount')];
  mkdirSync(dir);
  const remove = () => {
    // A test that failed may have left it frozen.
    spawnSync('fsfreeze', ['--unfreeze', dir]);
    spawnSync('umount', [dir]);
    rmSync(scratch, { recursive: true, force: true });
  };
  try {
    execFileSync('truncate', ['--size', size, image]);
    execFileSync('mkfs.ext4', ['-q', image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, dir], { stdio: 'pipe' });
  } catch (err) {
    remove();
    throw err;
  }
  return { dir, remove };
}

/** Why there can be none here, or null. */
export function whyNoDisk(): string | null {
  try {
    makeDisk('8M').remove();
    return null;
  } catch (err) {
    return `a file system in a file cannot be mounted: ${(err as Error).message.split('\n')[0]}`;
  }
}
