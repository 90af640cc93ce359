import type { Container, ContainerCreateOptions } from 'dockerode';
import { type Docker, dockerFailure, reasonOf } from './daemon.ts';
import { isNetworkGone, provideNetwork } from './network.ts';

/** The network may be taken away between our look and our start, and an init may be missing; not again and again. */
const maxAttempts = 4;

/**
 * Creates a container and starts it, or leaves none. Where the daemon's own init is not installed it is done without: orphans
 * then stay until the container ends.
 * Throws `Failed` (containers, disk_full, platform).
 */
export async function launch(docker: Docker, name: string, wanted: ContainerCreateOptions): Promise<Container> {
  let spec = wanted;
  for (let attempt = 1; ; attempt++) {
    await provideNetwork(docker);
    const container = await docker.createContainer(spec).catch((err: unknown) => {
      throw dockerFailure(`The container ${name} cannot be created`, err);
    });
    try {
      await container.start();
      return container;
    } catch (err) {
      await container.remove({ force: true, v: true });
      const isInitMissing = spec.HostConfig?.Init === true && reasonOf(err).includes('docker-init');
      if (isInitMissing) spec = { ...spec, HostConfig: { ...spec.HostConfig, Init: false } };
      else if (!isNetworkGone(err) || attempt === maxAttempts) {
        throw dockerFailure(`The container ${name} cannot be started`, err);
      }
    }
  }
}
