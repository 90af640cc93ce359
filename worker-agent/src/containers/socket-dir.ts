import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnvironmentId } from '@easel/schema/ids';

/** A folder of the machine for sockets: their paths must be short. Its name tells a clean-up whose it is. */
export function makeSocketDir(environmentId: EnvironmentId): string {
  const dir = mkdtempSync(join(tmpdir(), socketDirPrefix(environmentId)));
  // The environment's user, whoever that is, reaches the sockets in it; each connection shows a secret.
  chmodSync(dir, 0o711);
  return dir;
}

/** Removes what killed agents of this environment left; in a folder that everybody may write to only what is ours. */
export function removeSocketDirs(environmentId: EnvironmentId): void {
  const prefix = socketDirPrefix(environmentId);
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const dir = join(tmpdir(), name);
    const isOurs = process.getuid?.() === 0 || statSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.();
    if (isOurs) rmSync(dir, { recursive: true, force: true });
  }
}

/** The random end of the id: enough to tell all environments of a machine apart. */
export function socketDirPrefix(environmentId: EnvironmentId): string {
  return `easel-${environmentId.slice(-10)}-`;
}
