/**
 * The smallest schemas of snapshot.storage.k8s.io/v1 that a test needs, for a cluster that has none. They are ours: an
 * installation takes those of the external-snapshotter project.
 */
const group = 'snapshot.storage.k8s.io';

const any = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const text = { type: 'string' };

function definition(kind: string, scope: 'Namespaced' | 'Cluster', properties: object): object {
  const plural = kind === 'VolumeSnapshotClass' ? 'volumesnapshotclasses' : `${kind.toLowerCase()}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Groups of Kubernetes' own want this word.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: {
      group,
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: kind === 'VolumeSnapshotClass' ? {} : { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties } },
        },
      ],
    },
  };
}

export const snapshotCrds: readonly object[] = [
  definition('VolumeSnapshot', 'Namespaced', {
    spec: {
      type: 'object',
      required: ['source'],
      properties: {
        volumeSnapshotClassName: text,
        source: {
          type: 'object',
          properties: { persistentVolumeClaimName: text, volumeSnapshotContentName: text },
        },
      },
    },
    status: {
      type: 'object',
      properties: {
        boundVolumeSnapshotContentName: text,
        creationTime: { type: 'string', format: 'date-time' },
        readyToUse: { type: 'boolean' },
        restoreSize: text,
        error: { type: 'object', properties: { message: text, time: { type: 'string', format: 'date-time' } } },
      },
    },
  }),
  definition('VolumeSnapshotContent', 'Cluster', { spec: any, status: any }),
  definition('VolumeSnapshotClass', 'Cluster', { driver: text, deletionPolicy: text, parameters: any }),
];
