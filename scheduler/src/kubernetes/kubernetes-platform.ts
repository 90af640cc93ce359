/**
 * The platform `kubernetes`. Of each environment there is a PersistentVolumeClaim, named after it, which lasts; of each worker a
 * Pod and a Secret, named after the worker, which end with it.
 *
 * Two schedulers may be alive for a moment. Both would make the same pod under the same name, of which the cluster keeps one.
 * A pod of an older generation that a scheduler without a lease makes late never runs: ending that generation has removed the
 * Secret that its pod must mount. So there are never two workers on a volume.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Metrics } from '@easel/kit/metrics';
import type { EnvironmentId } from '@easel/schema/ids';
import type { PlatformAnswer } from '../api.ts';
import type { ObservedWorker, Platform, PlatformState, RunPlacement, Snapshots } from '../platform.ts';
import type { ApiServer } from './api-server.ts';
import { ClusterSnapshots } from './cluster-snapshots.ts';
import { ClusterView } from './cluster-view.ts';
import { endPods, endSecrets, eraseVolume } from './end-worker.ts';
import { type ClusterFacts, featuresOf, readFacts } from './features.ts';
import type { PodSurroundings } from './pod.ts';
import { missingRights } from './rbac.ts';
import { SettingsKeeper } from './settings.ts';
import { growVolume, startWorker, type WorkerParts } from './start-worker.ts';

export interface KubernetesPlatformOptions {
  api: ApiServer;
  namespace: string;
  surroundings: Omit<PodSurroundings, 'platformId'>;
  log: Log;
  clock: Clock;
  metrics: Metrics;
  signal: AbortSignal;
}

type BegunParts = WorkerParts & { snapshots: Snapshots };

/** How long what the cluster can do counts as known; what we may do there is asked again where something is missing. */
const factsForMs = 60_000;
const rightsForMs = 10 * 60_000;

export class KubernetesPlatform implements Platform {
  readonly kind = 'kubernetes';
  readonly #options: KubernetesPlatformOptions;
  readonly #settings: SettingsKeeper;
  #onChange: (environmentId: EnvironmentId | null) => void = () => undefined;
  #facts: ClusterFacts = { version: null, storageClasses: [], snapshotClasses: null, servesSnapshots: false };
  #problems: string[] = [];
  #factsAtMs = Number.NEGATIVE_INFINITY;
  #rightsAtMs = Number.NEGATIVE_INFINITY;
  #parts: BegunParts | null = null;
  #informers: Promise<void>[] = [];

  constructor(options: KubernetesPlatformOptions) {
    this.#options = options;
    this.#settings = new SettingsKeeper(options);
  }

  onChange(fn: (environmentId: EnvironmentId | null) => void): void {
    this.#onChange = fn;
  }

  async state(): Promise<PlatformState> {
    await this.#look();
    const { version, problem, current } = this.#settings;
    const problems = [...this.#problems];
    return {
      runtime: 'docker',
      isIsolated: true,
      notice: problems[0] ?? problem,
      cluster: {
        clusterVersion: this.#facts.version,
        features: featuresOf(this.#facts, current),
        storageClasses: this.#facts.storageClasses,
        problems,
        settingsVersion: version,
        settingsProblem: problem,
      },
    };
  }

  /**
   * Takes what the server answered to a heartbeat: whose objects are ours, and the settings. True when the server should be
   * told anew. The informers run from the first answer on.
   */
  async adopt(answer: PlatformAnswer): Promise<boolean> {
    this.#parts ??= this.#begin(answer.id);
    if (this.#facts.servesSnapshots) this.#parts.view.watchSnapshots();
    const tryOut = { surroundings: this.#parts.surroundings, facts: this.#facts };
    const { settingsAppliedVersion: applied, appliedSettings } = answer;
    // After a restart: what was in force before, should the newest be refused.
    if (applied !== null && applied !== answer.settingsVersion && this.#settings.version === null) {
      await this.#settings.offer(applied, appliedSettings, tryOut);
    }
    return this.#settings.offer(answer.settingsVersion, answer.settings, tryOut);
  }

  /** Resolves when what is on the cluster has been read once. */
  async synced(): Promise<void> {
    await this.#begun().view.synced();
  }

  /** Resolves when the informers have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#informers);
  }

  get snapshots(): Snapshots {
    return this.#begun().snapshots;
  }

  /** What comes with time alone. */
  look(): void {
    this.#parts?.view.look();
  }

  observe(): ReadonlyMap<EnvironmentId, ObservedWorker> {
    return this.#begun().view.observed();
  }

  start(placement: RunPlacement): Promise<void> {
    return startWorker(placement, this.#begun());
  }

  grow(environmentId: EnvironmentId, diskBytes: number): Promise<void> {
    return growVolume(environmentId, diskBytes, this.#begun());
  }

  async end(environmentId: EnvironmentId): Promise<void> {
    await endPods(environmentId, this.#begun());
    await endSecrets(environmentId, this.#begun());
  }

  async erase(environmentId: EnvironmentId): Promise<void> {
    await this.end(environmentId);
    await eraseVolume(environmentId, this.#begun());
  }

  async traces(): Promise<EnvironmentId[]> {
    await this.synced();
    return this.#begun().view.environments();
  }

  async #look(): Promise<void> {
    const { api, clock, namespace } = this.#options;
    if (clock.now() - this.#factsAtMs < factsForMs) return;
    try {
      this.#facts = await readFacts(api);
      if (this.#problems.length > 0 || clock.now() - this.#rightsAtMs >= rightsForMs) {
        this.#problems = await missingRights(api, namespace, this.#facts.servesSnapshots);
        this.#rightsAtMs = clock.now();
      }
      this.#factsAtMs = clock.now();
    } catch (err) {
      this.#options.signal.throwIfAborted();
      this.#problems = [`The cluster cannot be asked: ${(err as Error).message}`.slice(0, 500)];
    }
  }

  #begin(platformId: string): BegunParts {
    const { api, namespace, clock } = this.#options;
    const onChange = (environmentId: EnvironmentId | null) => this.#onChange(environmentId);
    const view = new ClusterView({ ...this.#options, platformId, onChange });
    this.#informers = view.run();
    const known = () => ({ facts: this.#facts, settings: this.#settings.current });
    const surroundings = { ...this.#options.surroundings, platformId };
    const snapshots = new ClusterSnapshots({ api, namespace, clock, view, platformId, known });
    return { api, namespace, view, surroundings, known, snapshots };
  }

  #begun(): BegunParts {
    if (!this.#parts) throw new Error('the server has not said yet which platform this is');
    return this.#parts;
  }
}
