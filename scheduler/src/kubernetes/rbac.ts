/**
 * The rights that the scheduler needs, and no more: of secrets it reads none. Asked for at the start, so that what is missing
 * is named before an environment fails of it. The chart's roles grant the same.
 */
import { z } from 'zod';
import type { ApiServer } from './api-server.ts';
import { SNAPSHOT_API } from './objects.ts';

interface Right {
  group: string;
  resource: string;
  verbs: readonly string[];
  /** Of the whole cluster instead of the namespace. */
  isOfCluster?: true;
  /** Only where the cluster has snapshots. */
  isForSnapshots?: true;
}

export const RIGHTS: readonly Right[] = [
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch', 'create', 'delete'] },
  { group: '', resource: 'persistentvolumeclaims', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: '', resource: 'secrets', verbs: ['create', 'deletecollection'] },
  { group: '', resource: 'events', verbs: ['list', 'watch'] },
  {
    group: SNAPSHOT_API,
    resource: 'volumesnapshots',
    verbs: ['get', 'list', 'watch', 'create', 'delete'],
    isForSnapshots: true,
  },
  { group: 'storage.k8s.io', resource: 'storageclasses', verbs: ['list'], isOfCluster: true },
  {
    group: SNAPSHOT_API,
    resource: 'volumesnapshotclasses',
    verbs: ['list'],
    isOfCluster: true,
    isForSnapshots: true,
  },
];

const answerSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

/** Gives one sentence for each kind of object of which a right is missing. Throws KubernetesError when it cannot ask. */
export async function missingRights(api: ApiServer, namespace: string, hasSnapshots: boolean): Promise<string[]> {
  const rights = RIGHTS.filter((right) => hasSnapshots || !right.isForSnapshots);
  const problems = await Promise.all(
    rights.map(async (right) => {
      const missing = await Promise.all(
        right.verbs.map(async (verb) => ((await isAllowed(api, namespace, right, verb)) ? [] : [verb])),
      );
      return problemOf(right, missing.flat(), namespace);
    }),
  );
  return problems.filter((problem) => problem !== null);
}

async function isAllowed(api: ApiServer, namespace: string, right: Right, verb: string): Promise<boolean> {
  const { group, resource } = right;
  const answer = await api.call({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { group, resource, verb, ...(right.isOfCluster ? {} : { namespace }) } },
    },
  });
  return answerSchema.parse(answer).status.allowed;
}

function problemOf(right: Right, missing: readonly string[], namespace: string): string | null {
  if (missing.length === 0) return null;
  const what = right.group === '' ? right.resource : `${right.resource}.${right.group}`;
  const where = right.isOfCluster ? 'in the cluster' : `in the namespace ${namespace}`;
  const role = right.isOfCluster ? 'ClusterRole' : 'Role';
  return `The scheduler may not ${missing.join(', ')} ${what} ${where}: add the right to its ${role}.`;
}
