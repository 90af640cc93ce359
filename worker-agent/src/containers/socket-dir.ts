import { chmodSync, mkdtempSync } from 'node:fs';
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

/** The random end of the id: enough to tell all environments of a machine apart. */
export function socketDirPrefix(environmentId: EnvironmentId): string {
  return `easel-${environmentId.slice(-10)}-`;
}
