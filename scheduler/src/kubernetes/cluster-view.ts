/**
 * What is seen of a platform's workers, volumes and snapshots: one informer per kind, and from their views one observation
 * per environment, made anew when one of its objects, or an Event about one, has changed.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Metrics } from '@easel/kit/metrics';
import type { EnvironmentId } from '@easel/schema/ids';
import { isId } from '@easel/schema/ids';
import type { ObservedWorker } from '../platform.ts';
import type { ApiServer } from './api-server.ts';
import { Informer } from './informer.ts';
import { selectorOf } from './names.ts';
import { SNAPSHOT_API } from './objects.ts';
import { isFailing, workerState } from './pod-state.ts';
import {
  type ClaimView,
  type EventView,
  type PodView,
  readClaim,
  readEvent,
  readPod,
  readSnapshot,
  type SnapshotView,
} from './views.ts';
import { type GrowthRefusal, volumeOf } from './volume-state.ts';

export interface ClusterViewOptions {
  api: ApiServer;
  namespace: string;
  platformId: string;
  log: Log;
  clock: Clock;
  metrics: Metrics;
  signal: AbortSignal;
  /** Null: snapshots. */
  onChange: (environmentId: EnvironmentId | null) => void;
}

export class ClusterView {
  readonly #options: ClusterViewOptions;
  readonly pods: Informer<PodView>;
  readonly claims: Informer<ClaimView>;
  readonly #events: Informer<EventView>;
  readonly snapshots: Informer<SnapshotView>;
  readonly #observed = new Map<EnvironmentId, ObservedWorker>();
  readonly #podsOf = new Map<EnvironmentId, Set<string>>();
  readonly #eventsAbout = new Map<string, Set<string>>();
  /** When a pod's container was first seen failing, by the pod's uid. */
  readonly #failingSinceMs = new Map<string, number>();
  readonly #refusals = new Map<EnvironmentId, GrowthRefusal>();
  readonly #waiting = new Map<EnvironmentId, Set<() => void>>();
  #hasSnapshots = false;

  constructor(options: ClusterViewOptions) {
    this.#options = options;
    const { namespace, platformId } = options;
    const core = `/api/v1/namespaces/${namespace}`;
    const common = { ...options, labelSelector: selectorOf(platformId) };
    this.pods = new Informer({
      ...common,
      kind: 'pods',
      path: `${core}/pods`,
      read: readPod,
      onChange: (view, before) => this.#podChanged(view, before),
    });
    this.claims = new Informer({
      ...common,
      kind: 'persistentvolumeclaims',
      path: `${core}/persistentvolumeclaims`,
      read: readClaim,
      onChange: (view, before) => this.#refresh((view ?? before)?.environmentId),
    });
    this.snapshots = new Informer({
      ...common,
      kind: 'volumesnapshots',
      path: `/apis/${SNAPSHOT_API}/v1/namespaces/${namespace}/volumesnapshots`,
      read: readSnapshot,
      onChange: () => options.onChange(null),
    });
    const { labelSelector: _none, ...unlabelled } = common;
    // Events carry no labels of ours: they are told apart by the name of what they are about.
    this.#events = new Informer({
      ...unlabelled,
      kind: 'events',
      path: `${core}/events`,
      read: readEvent,
      onChange: (view, before) => this.#eventChanged(view, before),
    });
  }

  /** Runs the informers until the signal aborts. */
  run(): Promise<void>[] {
    return [this.pods.run(), this.claims.run(), this.#events.run()];
  }

  /** Resolves when pods and volumes are known. */
  async synced(): Promise<void> {
    await Promise.all([this.pods.synced, this.claims.synced]);
  }

  /** Watches snapshots from now on, since the cluster serves them. Again does nothing. */
  watchSnapshots(): void {
    if (this.#hasSnapshots) return;
    this.#hasSnapshots = true;
    void this.snapshots.run();
  }

  observed(): ReadonlyMap<EnvironmentId, ObservedWorker> {
    return this.#observed;
  }

  /** All pods of the environment, the ones that are ending too. */
  podsOf(environmentId: EnvironmentId): PodView[] {
    return [...(this.#podsOf.get(environmentId) ?? [])].flatMap((name) => this.pods.get(name) ?? []);
  }

  environments(): EnvironmentId[] {
    return [...new Set([...this.#podsOf.keys(), ...[...this.claims.all()].map((one) => one.environmentId)])];
  }

  /** The cluster does not grow this volume further; null: it does again. */
  growthRefused(environmentId: EnvironmentId, refusal: GrowthRefusal | null): void {
    if (refusal) this.#refusals.set(environmentId, refusal);
    else if (!this.#refusals.delete(environmentId)) return;
    this.#refresh(environmentId);
  }

  /** Some things come with time alone. Call it every second or so. */
  look(): void {
    for (const uid of this.#failingSinceMs.keys()) {
      const pod = [...this.pods.all()].find((one) => one.uid === uid);
      if (pod) this.#refresh(pod.environmentId);
      else this.#failingSinceMs.delete(uid);
    }
  }

  /** Resolves true as soon as `isTrue` holds after a change of the environment, false when `limitMs` are over. */
  async until(environmentId: EnvironmentId, isTrue: () => boolean, limitMs: number): Promise<boolean> {
    const { clock, signal } = this.#options;
    if (isTrue()) return true;
    const done = Promise.withResolvers<boolean>();
    const look = () => void (isTrue() && done.resolve(true));
    const stop = () => done.reject(signal.reason);
    const waiting = this.#waiting.get(environmentId) ?? new Set();
    this.#waiting.set(environmentId, waiting.add(look));
    signal.addEventListener('abort', stop, { once: true });
    const timer = clock.setTimeout(() => done.resolve(false), limitMs);
    try {
      return await done.promise;
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', stop);
      waiting.delete(look);
      if (waiting.size === 0) this.#waiting.delete(environmentId);
    }
  }

  #podChanged(view: PodView | null, before: PodView | null): void {
    const pod = view ?? before;
    if (!pod) return;
    const names = this.#podsOf.get(pod.environmentId) ?? new Set();
    if (view) this.#podsOf.set(pod.environmentId, names.add(pod.name));
    else {
      names.delete(pod.name);
      if (names.size === 0) this.#podsOf.delete(pod.environmentId);
    }
    if (view && isFailing(view)) {
      if (!this.#failingSinceMs.has(view.uid)) this.#failingSinceMs.set(view.uid, this.#options.clock.now());
    } else this.#failingSinceMs.delete(pod.uid);
    this.#refresh(pod.environmentId);
  }

  #eventChanged(view: EventView | null, before: EventView | null): void {
    const event = view ?? before;
    if (!event) return;
    const names = this.#eventsAbout.get(event.about) ?? new Set();
    if (view) this.#eventsAbout.set(event.about, names.add(event.name));
    else {
      names.delete(event.name);
      if (names.size === 0) this.#eventsAbout.delete(event.about);
    }
    const environmentId = isId('environment', event.about) ? event.about : this.pods.get(event.about)?.environmentId;
    this.#refresh(environmentId);
  }

  #refresh(environmentId: EnvironmentId | undefined): void {
    if (!environmentId) return;
    const observed = this.#look(environmentId);
    if (observed) this.#observed.set(environmentId, observed);
    else this.#observed.delete(environmentId);
    for (const look of this.#waiting.get(environmentId) ?? []) look();
    this.#options.onChange(environmentId);
  }

  /** Of several pods, which there should never be, the oldest: it is what stands in the way. */
  #look(environmentId: EnvironmentId): ObservedWorker | null {
    const pod = this.podsOf(environmentId).sort((a, b) => a.generation - b.generation)[0];
    if (!pod) return null;
    const claim = this.claims.get(environmentId) ?? null;
    const events = [pod.name, environmentId].flatMap((name) => this.#about(name));
    const since = this.#failingSinceMs.get(pod.uid);
    const failingForMs = since === undefined ? null : this.#options.clock.now() - since;
    const { workerId, generation } = pod;
    const refusal = this.#refusals.get(environmentId) ?? null;
    return {
      environmentId,
      workerId,
      generation,
      state: workerState({ pod, claim, events, failingForMs }),
      ...(claim ? { volume: volumeOf(claim, events, refusal) } : {}),
    };
  }

  #about(name: string): EventView[] {
    return [...(this.#eventsAbout.get(name) ?? [])].flatMap((event) => this.#events.get(event) ?? []);
  }
}
