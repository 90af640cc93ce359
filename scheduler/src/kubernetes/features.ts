/** What the cluster can do: its version, storage classes, snapshots, growth. Looked up now and then; nothing here is written. */
import type { PlatformFeatures, PlatformSettings } from '@easel/schema/platform-settings';
import { z } from 'zod';
import type { StorageClassState } from '../platform.ts';
import { isKubernetesError } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import { SNAPSHOT_API } from './objects.ts';

export interface ClusterFacts {
  version: string | null;
  storageClasses: StorageClassState[];
  /** Null when they could not be read. */
  snapshotClasses: SnapshotClass[] | null;
  /** The cluster serves VolumeSnapshot v1. */
  servesSnapshots: boolean;
}

interface SnapshotClass {
  name: string;
  driver: string;
  isDefault: boolean;
}

const versionSchema = z.object({ gitVersion: z.string().max(100) });
const metadataSchema = z.object({
  name: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
const storageClassesSchema = z.object({
  items: z.array(
    z.object({ metadata: metadataSchema, provisioner: z.string(), allowVolumeExpansion: z.boolean().nullish() }),
  ),
});
const snapshotClassesSchema = z.object({ items: z.array(z.object({ metadata: metadataSchema, driver: z.string() })) });
const resourcesSchema = z.object({ resources: z.array(z.object({ name: z.string() })) });

/** Throws KubernetesError when the cluster cannot be asked; what we may not read counts as not there. */
export async function readFacts(api: ApiServer): Promise<ClusterFacts> {
  const read = async <S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | null> => {
    try {
      return schema.parse(await api.call({ path }));
    } catch (err) {
      if (isKubernetesError(err, 'NotFound', 'Forbidden') || (isKubernetesError(err) && err.status === 404))
        return null;
      throw err;
    }
  };
  const [version, classes, snapshotApi] = await Promise.all([
    read('/version', versionSchema),
    read('/apis/storage.k8s.io/v1/storageclasses', storageClassesSchema),
    read(`/apis/${SNAPSHOT_API}/v1`, resourcesSchema),
  ]);
  const servesSnapshots = snapshotApi?.resources.some(({ name }) => name === 'volumesnapshots') ?? false;
  const snapshotClasses = servesSnapshots
    ? await read(`/apis/${SNAPSHOT_API}/v1/volumesnapshotclasses`, snapshotClassesSchema)
    : null;
  return {
    version: version?.gitVersion ?? null,
    servesSnapshots,
    storageClasses: (classes?.items ?? []).map(({ metadata, provisioner, allowVolumeExpansion }) => ({
      name: metadata.name,
      isDefault: isDefault(metadata, 'storageclass.kubernetes.io'),
      canExpand: allowVolumeExpansion ?? false,
      provisioner,
    })),
    snapshotClasses:
      snapshotClasses?.items.map(({ metadata, driver }) => ({
        name: metadata.name,
        driver,
        isDefault: isDefault(metadata, 'snapshot.storage.kubernetes.io'),
      })) ?? null,
  };
}

/** The storage class of a new volume, as far as the cluster tells. */
export function storageClassOf(facts: ClusterFacts, name: string | null): StorageClassState | null {
  return facts.storageClasses.find((one) => (name === null ? one.isDefault : one.name === name)) ?? null;
}

/** The class that a snapshot is taken with: the one that is set, or the driver's default, or its only one; else null. */
export function snapshotClassOf(facts: ClusterFacts, settings: PlatformSettings, driver: string | null): string | null {
  const classes = facts.snapshotClasses ?? [];
  if (settings.snapshotClass) return classes.find(({ name }) => name === settings.snapshotClass)?.name ?? null;
  const fitting = classes.filter((one) => driver === null || one.driver === driver);
  return (fitting.find((one) => one.isDefault) ?? fitting[0])?.name ?? null;
}

export function featuresOf(facts: ClusterFacts, settings: PlatformSettings): PlatformFeatures {
  const storageClass = storageClassOf(facts, settings.storageClass);
  return {
    snapshots: feature(snapshotProblem(facts, settings, storageClass)),
    expansion: feature(expansionProblem(settings, storageClass)),
  };
}

function feature(reason: string | null): { isAvailable: boolean; reason: string | null } {
  return { isAvailable: reason === null, reason };
}

function snapshotProblem(facts: ClusterFacts, settings: PlatformSettings, storageClass: StorageClassState | null) {
  if (!facts.servesSnapshots) {
    return 'The cluster does not serve VolumeSnapshot v1: install the snapshot CRDs, the snapshot controller and a CSI driver.';
  }
  if (facts.snapshotClasses === null) return 'The scheduler may not list the snapshot classes of the cluster.';
  if (snapshotClassOf(facts, settings, storageClass?.provisioner ?? null)) return null;
  if (settings.snapshotClass) return `The cluster has no snapshot class "${settings.snapshotClass}".`;
  const driver = storageClass ? ` for the driver ${storageClass.provisioner}` : '';
  return `The cluster has no snapshot class${driver}.`;
}

function expansionProblem(settings: PlatformSettings, storageClass: StorageClassState | null): string | null {
  if (storageClass?.canExpand) return null;
  if (storageClass) {
    return `The storage class "${storageClass.name}" does not let volumes grow: it has no allowVolumeExpansion.`;
  }
  if (settings.storageClass) return `The cluster has no storage class "${settings.storageClass}".`;
  return 'The cluster has no default storage class.';
}

function isDefault({ annotations }: z.infer<typeof metadataSchema>, prefix: string): boolean {
  return annotations?.[`${prefix}/is-default-class`] === 'true';
}
