import { pingDocker } from '@easel/kit/docker-daemon';
import { StartProblem } from './problem.ts';

export interface RuntimeChoice {
  runtime: 'docker' | 'process';
  /** Why environments are not isolated, when they are not. */
  notice: string | null;
}

/** How environments will run now. Under `auto` the scheduler looks again at every heartbeat. Throws StartProblem. */
export async function chooseRuntime(wanted: 'auto' | 'docker' | 'process'): Promise<RuntimeChoice> {
  if (wanted === 'process') return { runtime: 'process', notice: '--runtime process' };
  const docker = await pingDocker(process.env.DOCKER_HOST);
  if (docker.isThere) return { runtime: 'docker', notice: null };
  if (wanted === 'docker')
    throw new StartProblem(`--runtime docker: ${docker.reason}: start Docker, or use --runtime process.`);
  return { runtime: 'process', notice: docker.reason };
}
