/**
 * The workers of this installation, as the supervisor sees them: only to end them. They are the scheduler's children, run in
 * sessions of their own and outlive it, so they are found by what their environment says, whether a scheduler runs or not.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, findProcesses, type ProcessIdentity } from '@easel/kit/processes';
import type { Screen } from './screen.ts';

export interface FoundWorker {
  identity: ProcessIdentity;
  environmentId: string;
  volumeDir: string;
}

/** What a cleanup of one environment may take. */
const cleanupLimitMs = 30_000;

/** Each erasure is a process of its own. */
const erasedAtOnce = 4;

export function findWorkers(dataDir: string): FoundWorker[] {
  const volumes = `${join(dataDir, 'local/volumes')}/`;
  return findProcesses((env) => env.EASEL_WORKER_ID !== undefined && (env.EASEL_VOLUME_DIR ?? '').startsWith(volumes))
    .filter((found) => found.isSessionLeader)
    .map(({ identity, env }) => ({
      identity,
      environmentId: env.EASEL_ENVIRONMENT_ID ?? '',
      volumeDir: env.EASEL_VOLUME_DIR ?? '',
    }));
}

/**
 * Ends all workers, each gracefully within `softMs`, and again until no more appear: a start may be under way. What a killed
 * one leaves behind is cleaned up.
 */
export async function stopWorkers(options: {
  checkout: string;
  dataDir: string;
  softMs: number;
  screen: Screen;
}): Promise<void> {
  const { checkout, dataDir, softMs, screen } = options;
  for (let workers = findWorkers(dataDir); workers.length > 0; workers = findWorkers(dataDir)) {
    screen.line(`stopping ${workers.length === 1 ? 'one environment' : `${workers.length} environments`}`);
    await Promise.all(
      workers.map(async (worker) => {
        const outcome = await endProcess(worker.identity, softMs);
        if (outcome === 'ended') return;
        screen.warn(
          `the worker of ${worker.environmentId} did not stop in ${Math.round(softMs / 1000)} s and was killed`,
        );
        await cleanUp(checkout, worker);
      }),
    );
  }
}

/** Ends workers at once, and what they leave behind. */
export async function killWorkers(checkout: string, workers: readonly FoundWorker[]): Promise<void> {
  await Promise.all(
    workers.map(async (worker) => {
      await endProcess(worker.identity, 0);
      await cleanUp(checkout, worker);
    }),
  );
}

/** Erases what all environments of the data folder hold: containers, networks, processes, volumes. */
export async function eraseAll(checkout: string, dataDir: string): Promise<void> {
  const volumes = join(dataDir, 'local/volumes');
  if (!existsSync(volumes)) return;
  const environments = readdirSync(volumes);
  const eraseNext = async () => {
    for (let environmentId = environments.pop(); environmentId; environmentId = environments.pop()) {
      await cleanUp(checkout, { environmentId, volumeDir: join(volumes, environmentId) }, ['--erase']);
    }
  };
  await Promise.all(Array.from({ length: erasedAtOnce }, eraseNext));
}

/** Never rejects: what could not be cleaned up now is found by the scheduler at its next start. */
async function cleanUp(
  checkout: string,
  worker: Pick<FoundWorker, 'environmentId' | 'volumeDir'>,
  flags: readonly string[] = [],
): Promise<void> {
  const program = join(checkout, 'worker-agent/src/cleanup.ts');
  const child = spawn(process.execPath, [program, worker.environmentId, worker.volumeDir, ...flags], {
    cwd: checkout,
    stdio: 'ignore',
    timeout: cleanupLimitMs,
    env: { ...process.env, EASEL_INSIDE_DIR: join(checkout, 'worker-agent/dist/inside') },
  });
  await new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
}
