/** Makes what a worker needs, in order: secret and volume, then the pod. Whatever is there already is taken for ours only if it is. */
import type { EnvironmentId } from '@easel/schema/ids';
import type { PlatformSettings } from '@easel/schema/platform-settings';
import type { PlacementSpec } from '@easel/schema/wire/placement';
import type { RunPlacement } from '../platform.ts';
import { PlatformBusy, PlatformRefusal } from '../refusal.ts';
import { isKubernetesError, KubernetesError } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import type { ClusterView } from './cluster-view.ts';
import { explainCreate } from './explain.ts';
import { type ClusterFacts, featuresOf, storageClassOf } from './features.ts';
import { type KubernetesObject, volumeClaim, workerSecret } from './objects.ts';
import { sentence } from './pending-reason.ts';
import { type PodSurroundings, workerPod } from './pod.ts';
import { type ClaimView, readClaim, readPod } from './views.ts';

export interface WorkerParts {
  api: ApiServer;
  namespace: string;
  view: ClusterView;
  surroundings: PodSurroundings;
  known: () => { facts: ClusterFacts; settings: PlatformSettings };
}

/** Throws PlatformBusy while an older pod is there, PlatformRefusal for what a retry would not mend. */
export async function startWorker(placement: RunPlacement, parts: WorkerParts): Promise<void> {
  const { environmentId, workerId, spec, workerToken } = placement;
  if (!spec) throw new PlatformRefusal('internal', 'The server did not say what the worker needs.');
  for (const pod of parts.view.podsOf(environmentId)) {
    if (pod.name === workerId && !pod.isDeleting) return;
    throw new PlatformBusy(`The pod ${pod.name} of this environment is still there, and only one may use the volume.`);
  }
  const { settings } = parts.known();
  const { surroundings } = parts;
  const { platformId } = surroundings;
  let pod: KubernetesObject;
  try {
    pod = workerPod(placement, { settings, spec, surroundings });
  } catch (err) {
    throw new PlatformRefusal('platform', (err as Error).message, { cause: err });
  }
  const secret = workerSecret(placement, { platformId, settings, token: workerToken });
  await Promise.all([ensureVolume(environmentId, spec, parts), ensureSecret(secret, parts)]);
  await ensurePod(placement, pod, parts);
}

/** Asks for a larger volume. What comes of it is seen at the volume. */
export async function growVolume(environmentId: EnvironmentId, diskBytes: number, parts: WorkerParts): Promise<void> {
  const { api, view } = parts;
  const claim = view.claims.get(environmentId);
  if (!claim || claim.requestedBytes >= diskBytes) return;
  if (claim.phase !== 'Bound') throw new PlatformBusy('The volume is not made yet, and takes no other size before.');
  const refuse = (problem: string) => view.growthRefused(environmentId, { diskBytes, problem });
  const storageClass = parts.known().facts.storageClasses.find(({ name }) => name === claim.storageClass);
  if (storageClass?.canExpand === false) {
    refuse(`The storage class "${storageClass.name}" does not let volumes grow: it has no allowVolumeExpansion.`);
    return;
  }
  const body = { spec: { resources: { requests: { storage: String(diskBytes) } } } };
  try {
    view.claims.learn(
      await api.call({ method: 'PATCH', path: pathOf(parts, 'persistentvolumeclaims', environmentId), body }),
    );
    view.growthRefused(environmentId, null);
  } catch (err) {
    if (!(err instanceof KubernetesError) || err.isTrouble || err.status === 401 || err.reason === 'Conflict')
      throw err;
    refuse(sentence(`The cluster does not grow the volume: ${err.message}`));
  }
}

async function ensureVolume(environmentId: EnvironmentId, spec: PlacementSpec, parts: WorkerParts): Promise<void> {
  const { api, view, surroundings } = parts;
  const known = view.claims.get(environmentId);
  if (known) return useVolume(known, spec, parts);
  const { settings, facts } = parts.known();
  const storageClass = spec.storageClass ?? settings.storageClass;
  // The cluster would take the claim and wait for ever. What could not be read is left to it.
  if (storageClass && facts.storageClasses.length > 0 && !storageClassOf(facts, storageClass)) {
    throw new PlatformRefusal('volume', `The cluster has no storage class "${storageClass}".`);
  }
  const minBytes = spec.restoreFrom ? restoreBytes(spec.restoreFrom, parts) : 0;
  const body = volumeClaim(environmentId, { platformId: surroundings.platformId, settings, spec, minBytes });
  try {
    const path = pathOf(parts, 'persistentvolumeclaims');
    view.claims.learn(await api.call({ method: 'POST', path, body, isBeginning: true }));
  } catch (err) {
    if (!isKubernetesError(err, 'AlreadyExists')) throw explainCreate(err, 'volume');
    const raw = await api.call({ path: pathOf(parts, 'persistentvolumeclaims', environmentId) });
    const there = readClaim(raw);
    if (there?.environmentId !== environmentId) throw foreign('volume', environmentId, err);
    view.claims.learn(raw);
    await useVolume(there, spec, parts);
  }
}

async function useVolume(claim: ClaimView, spec: PlacementSpec, parts: WorkerParts): Promise<void> {
  const { environmentId } = claim;
  if (claim.isDeleting) throw new PlatformBusy('The volume of this environment is being deleted.');
  if (claim.phase === 'Lost') {
    throw new PlatformRefusal(
      'volume',
      `The volume ${environmentId} has lost its disk: the cluster says that it is gone.`,
    );
  }
  // What was refused before may be possible now. One that is not made yet grows when its worker runs.
  parts.view.growthRefused(environmentId, null);
  if (claim.phase === 'Bound') await growVolume(environmentId, spec.diskBytes, parts);
}

function restoreBytes(snapshotId: NonNullable<PlacementSpec['restoreFrom']>, parts: WorkerParts): number {
  const { facts, settings } = parts.known();
  if (!facts.servesSnapshots) {
    throw new PlatformRefusal(
      'volume',
      featuresOf(facts, settings).snapshots.reason ?? 'The cluster has no snapshots.',
    );
  }
  if (!parts.view.snapshots.isSynced) throw new PlatformBusy('The cluster is asked for its snapshots.');
  const snapshot = parts.view.snapshots.get(snapshotId);
  if (!snapshot || snapshot.isDeleting) {
    throw new PlatformRefusal('volume', `The snapshot ${snapshotId} is not on this cluster.`);
  }
  if (!snapshot.isReady) throw new PlatformBusy('The snapshot is not ready yet.');
  return Math.round(snapshot.restoreBytes ?? 0);
}

async function ensureSecret(body: KubernetesObject, parts: WorkerParts): Promise<void> {
  try {
    await parts.api.call({ method: 'POST', path: pathOf(parts, 'secrets'), body, isBeginning: true });
  } catch (err) {
    // Every claim of a worker gives the same token: it is the one that an earlier try made.
    if (!isKubernetesError(err, 'AlreadyExists')) throw explainCreate(err, 'secret');
  }
}

async function ensurePod(placement: RunPlacement, body: KubernetesObject, parts: WorkerParts): Promise<void> {
  const { api, view } = parts;
  const { environmentId, workerId, generation } = placement;
  try {
    view.pods.learn(await api.call({ method: 'POST', path: pathOf(parts, 'pods'), body }));
  } catch (err) {
    if (!isKubernetesError(err, 'AlreadyExists')) throw explainCreate(err, 'pod');
    const raw = await api.call({ path: pathOf(parts, 'pods', workerId) });
    const there = readPod(raw);
    if (there?.workerId !== workerId || there.environmentId !== environmentId || there.generation !== generation) {
      throw foreign('pod', workerId, err);
    }
    view.pods.learn(raw);
    if (there.isDeleting) throw new PlatformBusy(`The pod ${workerId} is being deleted, and is made anew.`);
  }
}

function foreign(what: 'pod' | 'volume', name: string, cause: unknown): PlatformRefusal {
  const message = `The namespace has a ${what} ${name} that this platform did not make.`;
  return new PlatformRefusal(what === 'volume' ? 'volume' : 'platform', message, { cause });
}

export function pathOf(parts: { namespace: string }, kind: string, name?: string): string {
  return `/api/v1/namespaces/${parts.namespace}/${kind}${name === undefined ? '' : `/${name}`}`;
}
