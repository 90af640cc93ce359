/** Takes back what a worker that is no more has left on this machine. Each part is done whether or not another fails. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import { pingDocker } from '@easel/kit/docker-daemon';
import type { EnvironmentId } from '@easel/schema/ids';
import { Volume } from '../volume.ts';
import { ProcessGroup } from './process/process-group.ts';
import { removeSocketDirs } from './socket-dir.ts';

export interface CleanupOptions {
  environmentId: EnvironmentId;
  volumeDir: string;
  /** Whether the volume goes too. */
  isErase: boolean;
  dockerHost: string | undefined;
  /** The pack, for removing files that belong to users of an image. */
  packDir: string;
  clock: Clock;
}

/** Throws an `AggregateError` of what could not be taken back. Nothing there is success. */
export async function cleanUp(options: CleanupOptions): Promise<void> {
  const { environmentId, clock } = options;
  const volume = new Volume(options.volumeDir);
  const errors: unknown[] = [];
  const attempt = (work: () => Promise<unknown>) => work().catch((err: unknown) => errors.push(err));
  const hasDocker = (await pingDocker(options.dockerHost)).isThere;

  await attempt(() => new ProcessGroup({ environmentId, marksDir: volume.marksDir, clock }).end(0));
  if (hasDocker) await attempt(() => removeFromDocker(options));
  await attempt(async () => removeSocketDirs(environmentId));
  await attempt(() => rm(join(volume.marksDir, 'clone'), { recursive: true, force: true }));
  if (options.isErase) await attempt(() => eraseVolume(options, volume, hasDocker));
  if (errors.length > 0) throw new AggregateError(errors, errors.map((err) => (err as Error).message).join('; '));
}

async function removeFromDocker(options: CleanupOptions): Promise<void> {
  const { openDocker } = await import('./docker/daemon.ts');
  const { removeContainers, removeIdleNetwork } = await import('./docker/leftovers.ts');
  const docker = openDocker(options.dockerHost);
  await removeContainers(docker, options.environmentId);
  await removeIdleNetwork(docker);
}

async function eraseVolume(options: CleanupOptions, volume: Volume, hasDocker: boolean): Promise<void> {
  try {
    await rm(volume.dir, { recursive: true, force: true, maxRetries: 3 });
  } catch (err) {
    const code = (err as NodeJS.ErrnoException).code ?? '';
    if (!hasDocker || !['EACCES', 'EPERM', 'ENOTEMPTY'].includes(code)) throw err;
    const { emptyByDocker } = await import('./docker/erase.ts');
    await emptyByDocker(options, volume);
    await rm(volume.dir, { recursive: true, force: true, maxRetries: 3 });
  }
}
