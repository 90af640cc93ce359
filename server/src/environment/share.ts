/** Makes out what share of its platform a new environment gets, and how large its volume is. */
import type { InstanceTypeSpec } from '@easel/schema/instance-type';
import { type PlacementSpec, placementSpecSchema } from '@easel/schema/wire/placement';
import type { EnvironmentRow, WantedOfPlatform } from './environment-row.ts';

export type Share = Pick<EnvironmentRow, 'instanceTypeId' | 'instanceType' | 'diskBytes'>;

/** Where neither the type nor a wish says it, such as on one machine, whose volumes have no size anyhow. */
const USUAL_DISK_BYTES = 20 * 1024 ** 3;

/** A volume is never smaller than what it is restored from. */
export function diskBytesOf(type: InstanceTypeSpec | null, least: bigint | null): bigint | null {
  return larger(type && BigInt(type.diskBytes), least);
}

/** Null is smaller than anything. */
export function larger(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

/** What a `run` asks of the platform. */
export function placementSpecOf({ instanceType: type, diskBytes, restoredFromId }: WantedOfPlatform): PlacementSpec {
  return placementSpecSchema.parse({
    cpus: type?.cpus ?? null,
    memoryBytes: type?.memoryBytes ?? null,
    gpus: type?.gpus ?? 0,
    gpuResource: type?.gpuResource ?? 'nvidia.com/gpu',
    diskBytes: diskBytes === null ? (type?.diskBytes ?? USUAL_DISK_BYTES) : Number(diskBytes),
    storageClass: type?.storageClass ?? null,
    zone: type?.zone ?? null,
    nodeSelector: type?.nodeSelector ?? {},
    serviceAccount: type?.serviceAccount ?? null,
    restoreFrom: restoredFromId,
  });
}
