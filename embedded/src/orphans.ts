/** What a supervisor that was killed (kill -9, out of memory) left running. Workers are not among it: they are adopted. */
import { endProcess, findProcesses } from '@easel/kit/processes';
import { endOrphanedPostgres } from './postgres.ts';
import type { Screen } from './screen.ts';
import { SUPERVISOR_VARIABLE } from './services.ts';

/** Its services stop by themselves when their supervisor is gone; this is for those that hang. */
const softMs = 10_000;

/** Ends them all: the data folder's lock says that nobody needs them. */
export async function endOrphans(dataDir: string, clusterDir: string, screen: Screen): Promise<void> {
  const orphans = findProcesses((env) => env[SUPERVISOR_VARIABLE] === dataDir).filter(
    ({ identity }) => identity.pid !== process.pid,
  );
  if (orphans.length > 0) screen.warn(`ending ${orphans.length} processes that an earlier Easel left running`);
  await Promise.all(orphans.map(({ identity }) => endProcess(identity, softMs)));
  if (await endOrphanedPostgres(clusterDir)) screen.warn('ended the PostgreSQL that an earlier Easel left running');
}
