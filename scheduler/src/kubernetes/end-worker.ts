/** Ends what an environment has on the cluster, in order: pod, secret, volume; each is waited for until it is really gone. */
import type { EnvironmentId } from '@easel/schema/ids';
import { z } from 'zod';
import { PlatformBusy } from '../refusal.ts';
import { isKubernetesError } from './api-error.ts';
import { LABELS, selectorOf } from './names.ts';
import { terminationGraceSeconds } from './pod.ts';
import { pathOf, type WorkerParts } from './start-worker.ts';
import { type PodView, readPod } from './views.ts';

/** After its grace the node kills the containers, unmounts the volume and says so. */
const podLimitMs = (terminationGraceSeconds + 60) * 1000;
/** Something still uses the volume when it takes longer: a snapshot that is being taken, or a pod that is not ours. */
const volumeLimitMs = 60_000;

const listSchema = z.object({ items: z.array(z.unknown()).nullable() });

/** Throws PlatformBusy when a pod does not end in time. */
export async function endPods(environmentId: EnvironmentId, parts: WorkerParts): Promise<void> {
  const { view } = parts;
  const pods = await listPods(environmentId, parts);
  const names = new Set(pods.map(({ name }) => name));
  for (const known of view.podsOf(environmentId)) if (!names.has(known.name)) view.pods.forget(known.name);
  if (pods.length === 0) return;
  await Promise.all(pods.filter((pod) => !pod.isDeleting).map((pod) => deletePod(pod, parts)));
  if (await view.until(environmentId, () => view.podsOf(environmentId).length === 0, podLimitMs)) return;
  const [stuck] = view.podsOf(environmentId);
  const where = stuck?.nodeName ? ` on the node ${stuck.nodeName}, which does not say that it has ended` : '';
  throw new PlatformBusy(`The pod ${stuck?.name ?? ''} is still there${where}.`);
}

/** Asked of the cluster's store itself: what is said to have ended must not be a view that lags behind. */
async function listPods(environmentId: EnvironmentId, parts: WorkerParts): Promise<PodView[]> {
  const { api, view, surroundings } = parts;
  const labelSelector = `${selectorOf(surroundings.platformId)},${LABELS.environment}=${environmentId}`;
  const list = listSchema.parse(await api.call({ path: pathOf(parts, 'pods'), query: { labelSelector } }));
  return (list.items ?? []).flatMap((raw) => {
    view.pods.learn(raw);
    return readPod(raw) ?? [];
  });
}

async function deletePod(pod: PodView, parts: WorkerParts): Promise<void> {
  const { api, view } = parts;
  // The very pod that was seen, and gracefully: its own grace period counts.
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: pod.uid } };
  try {
    view.pods.learn(await api.call({ method: 'DELETE', path: pathOf(parts, 'pods', pod.name), body }));
  } catch (err) {
    if (isKubernetesError(err, 'NotFound')) view.pods.forget(pod.name);
    else throw err;
  }
}

export async function endSecrets(environmentId: EnvironmentId, parts: WorkerParts): Promise<void> {
  const labelSelector = `${selectorOf(parts.surroundings.platformId)},${LABELS.environment}=${environmentId}`;
  await parts.api.call({ method: 'DELETE', path: pathOf(parts, 'secrets'), query: { labelSelector } });
}

/** Throws PlatformBusy when the volume does not go in time. */
export async function eraseVolume(environmentId: EnvironmentId, parts: WorkerParts): Promise<void> {
  const { api, view } = parts;
  try {
    view.claims.learn(
      await api.call({ method: 'DELETE', path: pathOf(parts, 'persistentvolumeclaims', environmentId) }),
    );
  } catch (err) {
    if (!isKubernetesError(err, 'NotFound')) throw err;
    view.claims.forget(environmentId);
    return;
  }
  if (await view.until(environmentId, () => !view.claims.get(environmentId), volumeLimitMs)) return;
  throw new PlatformBusy(`The volume ${environmentId} is still in use, and goes when nothing uses it any more.`);
}
