/** What containers use, asked of the daemon. Source: Docker Engine API, GET /containers/{id}/stats with `one-shot`. */
import type { ContainerStats } from 'dockerode';
import type { Usage } from '../runtime.ts';
import type { Box } from './box.ts';

const NANOSECONDS = 1e9;
/** What the daemon says where no limit is set: the machine's memory, or more than any machine has. */
const unlimitedBytes = 2 ** 60;

/** The sum over the containers that run; null when none does. */
export async function usageOf(boxes: readonly Box[]): Promise<Usage | null> {
  const all = await Promise.all(boxes.map(({ container }) => statsOf(container)));
  const stats = all.filter((one) => one !== null);
  if (stats.length === 0) return null;
  const sum = (of: (one: ContainerStats) => number) => stats.reduce((total, one) => total + of(one), 0);
  return {
    cpuSeconds: sum((one) => one.cpu_stats.cpu_usage.total_usage) / NANOSECONDS,
    memoryBytes: sum(usedMemory),
    memoryLimitBytes: limitOf(stats[0]),
    processes: sum((one) => one.pids_stats?.current ?? 0),
  };
}

async function statsOf(container: Box['container']): Promise<ContainerStats | null> {
  try {
    const stats = (await container.stats({ stream: false, 'one-shot': true })) as ContainerStats;
    return stats.memory_stats.usage === undefined ? null : stats;
  } catch {
    return null;
  }
}

/** Without the page cache that the kernel would give up at once, as `docker stats` counts. */
function usedMemory(stats: ContainerStats): number {
  const { usage, stats: parts } = stats.memory_stats;
  const detail = parts as unknown as Record<string, number | undefined>;
  return Math.max(0, usage - (detail.total_inactive_file ?? detail.inactive_file ?? 0));
}

/** The dev container's, which is the first. */
function limitOf(stats: ContainerStats | undefined): number | null {
  const limit = stats?.memory_stats.limit;
  return limit === undefined || limit >= unlimitedBytes ? null : limit;
}
