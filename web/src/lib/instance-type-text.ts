/** What an instance type gives, in a few words. Pure. */
import { formatBytes, formatCpus, formatPlural } from './format.ts';
import { texts } from './texts.ts';

export type Share = { cpus: number | null; memoryBytes: number | null; diskBytes: number; gpus: number };

/** `2 cores · 4 GB memory · 20 GB disk`, and GPUs where there are some. What the platform decides is left out. */
export function shareText({ cpus, memoryBytes, diskBytes, gpus }: Share): string {
  return [
    cpus !== null && formatCpus(cpus),
    memoryBytes !== null && texts.instanceTypes.memoryOf(formatBytes(memoryBytes)),
    texts.instanceTypes.diskOf(formatBytes(diskBytes)),
    gpus > 0 && formatPlural(gpus, 'GPU', 'GPUs'),
  ]
    .filter(Boolean)
    .join(' · ');
}
