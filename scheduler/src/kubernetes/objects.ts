/** The volume, the secret and the snapshot of an environment, as data. Pure. The pod is in pod.ts. */
import type { EnvironmentId, SnapshotId } from '@easel/schema/ids';
import type { PlatformSettings } from '@easel/schema/platform-settings';
import type { PlacementSpec } from '@easel/schema/wire/placement';
import { LABELS, labelsOf, type WorkerNames } from './names.ts';

/** A Kubernetes object as it is sent. */
export type KubernetesObject = Readonly<Record<string, unknown>>;

export const SNAPSHOT_API = 'snapshot.storage.k8s.io';

/**
 * ReadWriteOnce: one node at a time. `minBytes`: a snapshot is restored to no smaller volume than it was made from.
 * With a class that waits for the first consumer the volume is made where the pod has room.
 */
export function volumeClaim(
  environmentId: EnvironmentId,
  parts: { platformId: string; settings: PlatformSettings; spec: PlacementSpec; minBytes: number },
): KubernetesObject {
  const { platformId, settings, spec, minBytes } = parts;
  const storageClassName = spec.storageClass ?? settings.storageClass;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: environmentId, labels: labelsOf(platformId, environmentId) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: String(Math.max(spec.diskBytes, minBytes)) } },
      ...(storageClassName ? { storageClassName } : {}),
      ...(spec.restoreFrom
        ? { dataSource: { apiGroup: SNAPSHOT_API, kind: 'VolumeSnapshot', name: spec.restoreFrom } }
        : {}),
    },
  };
}

/** What the worker alone may read: the token of its first hello, and certificates, which are long. */
export function workerSecret(
  worker: WorkerNames,
  parts: { platformId: string; settings: PlatformSettings; token: string },
): KubernetesObject {
  const { platformId, settings, token } = parts;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: worker.workerId,
      labels: { ...labelsOf(platformId, worker.environmentId), [LABELS.worker]: worker.workerId },
    },
    type: 'Opaque',
    immutable: true,
    stringData: { token, ...(settings.extraCa ? { 'ca.pem': settings.extraCa } : {}) },
  };
}

export function volumeSnapshot(
  snapshotId: SnapshotId,
  parts: { platformId: string; environmentId: EnvironmentId; snapshotClass: string | null },
): KubernetesObject {
  const { platformId, environmentId, snapshotClass } = parts;
  return {
    apiVersion: `${SNAPSHOT_API}/v1`,
    kind: 'VolumeSnapshot',
    metadata: {
      name: snapshotId,
      labels: {
        ...labelsOf(platformId, environmentId),
        [LABELS.name]: 'easel-snapshot',
        [LABELS.snapshot]: snapshotId,
      },
    },
    spec: {
      ...(snapshotClass ? { volumeSnapshotClassName: snapshotClass } : {}),
      source: { persistentVolumeClaimName: environmentId },
    },
  };
}
