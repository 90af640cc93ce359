/** The network that the environments of this machine share without seeing each other. */
import { type Docker, dockerFailure, reasonOf, statusOf } from './daemon.ts';
import { NETWORK, networkSpec } from './specs.ts';

/** Makes it where it is not there. Throws `Failed` (platform). */
export async function provideNetwork(docker: Docker): Promise<void> {
  if (await hasNetwork(docker)) return;
  try {
    await docker.createNetwork(networkSpec());
  } catch (err) {
    // Somebody else may have been quicker.
    if (!(await hasNetwork(docker)))
      throw dockerFailure('The network of the environments cannot be made', err, 'platform');
  }
}

/** Whether a container could not start because whoever cleaned up last has just taken the idle network away. */
export function isNetworkGone(err: unknown): boolean {
  return statusOf(err) === 404 && reasonOf(err).includes(`network ${NETWORK}`);
}

async function hasNetwork(docker: Docker): Promise<boolean> {
  try {
    await docker.getNetwork(NETWORK).inspect();
    return true;
  } catch (err) {
    if (statusOf(err) === 404) return false;
    throw dockerFailure('The network of the environments cannot be looked at', err, 'platform');
  }
}
