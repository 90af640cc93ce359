import type { Container, ContainerCreateOptions } from 'dockerode';
import { type Docker, dockerFailure } from './daemon.ts';
import { isNetworkGone, provideNetwork } from './network.ts';

/** The network may be taken away between our look and our start; not again and again. */
const maxAttempts = 4;

/** Creates a container and starts it, or leaves none. Throws `Failed` (containers, disk_full, platform). */
export async function launch(docker: Docker, name: string, spec: ContainerCreateOptions): Promise<Container> {
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
      if (!isNetworkGone(err) || attempt === maxAttempts) {
        throw dockerFailure(`The container ${name} cannot be started`, err);
      }
    }
  }
}
