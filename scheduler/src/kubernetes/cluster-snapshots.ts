/** Snapshots of volumes: VolumeSnapshot v1, each named after its id. */
import type { Clock } from '@easel/kit/clock';
import { failure } from '@easel/schema/failure';
import type { EnvironmentId, SnapshotId } from '@easel/schema/ids';
import type { PlatformSettings } from '@easel/schema/platform-settings';
import type { ObservedSnapshot, Snapshots } from '../platform.ts';
import { PlatformRefusal } from '../refusal.ts';
import { isKubernetesError } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import type { ClusterView } from './cluster-view.ts';
import { explainCreate } from './explain.ts';
import { type ClusterFacts, featuresOf, snapshotClassOf } from './features.ts';
import { SNAPSHOT_API, volumeSnapshot } from './objects.ts';
import { sentence } from './pending-reason.ts';

/** The cluster tries again what it reports as an error; one that lasts this long is one. */
export const errorHopeMs = 5 * 60_000;

export interface ClusterSnapshotsParts {
  api: ApiServer;
  namespace: string;
  clock: Clock;
  view: ClusterView;
  platformId: string;
  known: () => { facts: ClusterFacts; settings: PlatformSettings };
}

export class ClusterSnapshots implements Snapshots {
  readonly #parts: ClusterSnapshotsParts;
  readonly #path: string;
  readonly #errorSinceMs = new Map<SnapshotId, number>();

  constructor(parts: ClusterSnapshotsParts) {
    this.#parts = parts;
    this.#path = `/apis/${SNAPSHOT_API}/v1/namespaces/${parts.namespace}/volumesnapshots`;
  }

  observe(id: SnapshotId): ObservedSnapshot | null {
    const { view, known, clock } = this.#parts;
    if (!known().facts.servesSnapshots) return null;
    if (!view.snapshots.isSynced)
      return { kind: 'taking', isCut: false, reason: 'The cluster is asked for its snapshots.' };
    const snapshot = view.snapshots.get(id);
    if (!snapshot) {
      this.#errorSinceMs.delete(id);
      return null;
    }
    if (snapshot.isDeleting) return { kind: 'deleting' };
    if (snapshot.isReady) return { kind: 'ready', sizeBytes: Math.round(snapshot.restoreBytes ?? 0) };
    const { error, isCut } = snapshot;
    if (error === null) {
      this.#errorSinceMs.delete(id);
      const reason = isCut ? 'The storage system is copying the snapshot.' : 'The cluster is taking the snapshot.';
      return { kind: 'taking', isCut, reason };
    }
    const since = this.#errorSinceMs.get(id) ?? clock.now();
    this.#errorSinceMs.set(id, since);
    const message = sentence(`The cluster cannot take the snapshot: ${error}`);
    if (clock.now() - since < errorHopeMs) return { kind: 'taking', isCut, reason: message };
    return { kind: 'broken', failure: failure({ class: 'volume', message }) };
  }

  async take(id: SnapshotId, environmentId: EnvironmentId): Promise<void> {
    const { api, view, platformId, known } = this.#parts;
    const { facts, settings } = known();
    const { reason } = featuresOf(facts, settings).snapshots;
    if (reason) throw new PlatformRefusal('platform', reason);
    const claim = view.claims.get(environmentId);
    if (!claim) throw new PlatformRefusal('volume', 'The environment has no volume on this platform.');
    const driver = facts.storageClasses.find(({ name }) => name === claim.storageClass)?.provisioner ?? null;
    const body = volumeSnapshot(id, {
      platformId,
      environmentId,
      snapshotClass: snapshotClassOf(facts, settings, driver),
    });
    try {
      view.snapshots.learn(await api.call({ method: 'POST', path: this.#path, body }));
    } catch (err) {
      // Its name is its id: it is the one that an earlier try made, and the informer is about to tell of it.
      if (isKubernetesError(err, 'AlreadyExists')) return;
      throw explainCreate(err, 'snapshot');
    }
  }

  async remove(id: SnapshotId): Promise<void> {
    const { api, view } = this.#parts;
    try {
      view.snapshots.learn(await api.call({ method: 'DELETE', path: `${this.#path}/${id}` }));
    } catch (err) {
      if (!isKubernetesError(err, 'NotFound')) throw err;
      view.snapshots.forget(id);
    }
  }
}
