/** What an environment has left with the daemon, found by its label, and removed. */
import type { EnvironmentId } from '@easel/schema/ids';
import { type Docker, LABELS, statusOf, unlessGone } from './daemon.ts';
import { NETWORK } from './specs.ts';

/** Removes all containers of the environment, running or not. Says how many there were. */
export async function removeContainers(docker: Docker, environmentId: EnvironmentId): Promise<number> {
  const found = await listContainers(docker, `${LABELS.environment}=${environmentId}`);
  await Promise.all(found.map(({ Id }) => unlessGone(docker.getContainer(Id).remove({ force: true, v: true }))));
  return found.length;
}

/** Removes the shared network when no environment has a container any more. */
export async function removeIdleNetwork(docker: Docker): Promise<void> {
  if ((await listContainers(docker, LABELS.environment)).length > 0) return;
  try {
    await docker.getNetwork(NETWORK).remove();
  } catch (err) {
    // Gone already, or somebody has just come: then it is not idle.
    if (![403, 404].includes(statusOf(err) ?? 0)) throw err;
  }
}

function listContainers(docker: Docker, label: string) {
  return docker.listContainers({ all: true, filters: JSON.stringify({ label: [label] }) });
}
