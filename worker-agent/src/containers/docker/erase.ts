import type { EnvironmentId } from '@easel/schema/ids';
import type { Volume } from '../../volume.ts';
import { openDocker } from './daemon.ts';
import { inspectImage } from './image.ts';
import { emptyFolder } from './programs.ts';
import { runOnce, VOLUME_INSIDE } from './run-once.ts';

/**
 * Empties a volume that holds files of an image's users, which an agent that is not root may not remove: a container may.
 * It is run from the environment's own image, or, should that be gone, from any that this machine has.
 */
export async function emptyByDocker(
  options: { environmentId: EnvironmentId; dockerHost: string | undefined; packDir: string },
  volume: Volume,
): Promise<void> {
  const docker = openDocker(options.dockerHost);
  const own = volume.read('image')?.name;
  const image = own && (await inspectImage(docker, own)) ? own : (await docker.listImages())[0]?.Id;
  if (!image) throw new Error(`no image is left to remove the files of other users in ${volume.dir} with`);
  const { signal } = new AbortController();
  const place = {
    environmentId: options.environmentId,
    image,
    packDir: options.packDir,
    volumeDir: volume.dir,
    signal,
  };
  await runOnce(docker, place, emptyFolder, { target: VOLUME_INSIDE });
}
