/** A server and a platform in memory, for tests. */
import { type EnvironmentId, newId, type PlacementId } from '@easel/schema/ids';
import type { EnvironmentPhase } from '@easel/schema/states/environment';
import type { PlacementWish } from '@easel/schema/states/placement';
import type { Observation, Placement, PlacementSpec } from '@easel/schema/wire/placement';
import type { SnapshotObservation, SnapshotTask } from '@easel/schema/wire/snapshot';
import type { SchedulerApi } from './api.ts';
import type { ObservedWorker, Platform, RunPlacement } from './platform.ts';

/** A small worker on a small volume, nothing special. */
export const anySpec: PlacementSpec = {
  cpus: null,
  memoryBytes: null,
  gpus: 0,
  gpuResource: 'nvidia.com/gpu',
  diskBytes: 1024 ** 3,
  storageClass: null,
  zone: null,
  nodeSelector: {},
  serviceAccount: null,
  restoreFrom: null,
};

/** The queue as the server keeps it, for one scheduler. */
export class FakeServer implements SchedulerApi {
  readonly placements = new Map<PlacementId, Placement>();
  readonly observations: Observation[] = [];
  readonly phases = new Map<EnvironmentId, EnvironmentPhase>();
  snapshotTasks: SnapshotTask[] = [];
  readonly snapshotObservations: SnapshotObservation[] = [];
  isReachable = true;

  wish(wish: PlacementWish, fields: Partial<Placement> = {}): Placement {
    const placement: Placement = {
      id: newId('placement'),
      environmentId: newId('environment'),
      environmentName: 'shop',
      workerId: newId('worker'),
      generation: 1,
      wish,
      state: 'waiting',
      workerToken: 'token',
      leaseExpiresAt: null,
      spec: wish === 'run' ? anySpec : null,
      ...fields,
    };
    this.placements.set(placement.id, placement);
    return placement;
  }

  change(id: PlacementId, fields: Partial<Placement>): void {
    const placement = this.placements.get(id);
    if (placement) this.placements.set(id, { ...placement, ...fields });
  }

  stateOf(id: PlacementId): string | undefined {
    return this.placements.get(id)?.state;
  }

  async heartbeat() {
    this.#reach();
    const id = newId('platform');
    return { id, settingsVersion: 0, settings: null, settingsAppliedVersion: null, appliedSettings: null };
  }

  async snapshots(): Promise<SnapshotTask[]> {
    this.#reach();
    return this.snapshotTasks;
  }

  async reportSnapshots(observations: readonly SnapshotObservation[]): Promise<void> {
    this.#reach();
    this.snapshotObservations.push(...observations);
  }

  async list(): Promise<Placement[]> {
    this.#reach();
    return [...this.placements.values()]
      .filter((one) => one.state !== 'ended')
      .map((one) => ({ ...one, workerToken: null }));
  }

  async claim(): Promise<Placement[]> {
    this.#reach();
    const due = [...this.placements.values()].filter((one) => one.state === 'waiting').slice(0, 100);
    for (const { id } of due) this.change(id, { state: 'claimed' });
    return due.map(({ id }) => this.placements.get(id) as Placement);
  }

  async renew(ids: readonly PlacementId[]): Promise<PlacementId[]> {
    this.#reach();
    return ids.filter((id) => this.stateOf(id) === 'claimed');
  }

  async report(observations: readonly Observation[]): Promise<void> {
    this.#reach();
    for (const seen of observations) {
      this.observations.push(seen);
      if (seen.type === 'placed') this.change(seen.placementId, { state: 'placed' });
      if (seen.type === 'ended') this.change(seen.placementId, { state: 'ended' });
    }
  }

  async known(ids: readonly EnvironmentId[]) {
    this.#reach();
    return ids.flatMap((id) => {
      const phase = this.phases.get(id);
      return phase ? [{ id, phase }] : [];
    });
  }

  subscribe(): void {}

  #reach(): void {
    if (!this.isReachable) throw new Error('the server is away');
  }
}

/** Workers that exist as soon as they are asked for. */
export class FakePlatform implements Platform {
  readonly kind = 'fake';
  readonly workers = new Map<EnvironmentId, ObservedWorker>();
  readonly volumes = new Set<EnvironmentId>();
  readonly done: string[] = [];
  /** Throws, or waits, before the verb of this name. */
  before: (verb: string, id: EnvironmentId) => Promise<void> | void = () => undefined;

  async state() {
    return { runtime: 'process', isIsolated: false, notice: null } as const;
  }

  observe(): ReadonlyMap<EnvironmentId, ObservedWorker> {
    return this.workers;
  }

  async start({ environmentId, workerId, generation }: RunPlacement): Promise<void> {
    await this.before('start', environmentId);
    this.done.push('start');
    this.volumes.add(environmentId);
    this.workers.set(environmentId, { environmentId, workerId, generation, state: { kind: 'running' } });
  }

  async end(environmentId: EnvironmentId): Promise<void> {
    await this.before('end', environmentId);
    this.done.push('end');
    this.workers.delete(environmentId);
  }

  async erase(environmentId: EnvironmentId): Promise<void> {
    await this.before('erase', environmentId);
    this.done.push('erase');
    this.workers.delete(environmentId);
    this.volumes.delete(environmentId);
  }

  async traces(): Promise<EnvironmentId[]> {
    return [...this.volumes];
  }

  onChange(): void {}

  /** The worker ends on its own. */
  dies(environmentId: EnvironmentId, reason: string): void {
    const worker = this.workers.get(environmentId);
    if (worker) this.workers.set(environmentId, { ...worker, state: { kind: 'ended', reason } });
  }
}
