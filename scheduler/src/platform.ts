/**
 * What a scheduler asks of a computing platform. Each verb reaches its goal however often it is called and wherever an
 * earlier call was cut off: "already there" and "already gone" are success.
 */
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import type { Placement } from '@easel/schema/wire/placement';

/** A worker as the platform sees it. There is never more than one of an environment. */
export interface ObservedWorker {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
  state: /** Asked for; whether it came to be is not known, but none runs now. */
    | { kind: 'intended' }
    | { kind: 'running' }
    /** Gone for good. `reason`: exit code, signal, eviction; one half-sentence. */
    | { kind: 'ended'; reason: string };
}

/** What the platform says of itself with each heartbeat. */
export interface PlatformState {
  runtime: 'docker' | 'process';
  isIsolated: boolean;
  /** What a person should know about it; null when all is well. */
  notice: string | null;
}

/** A claimed wish to run a worker: the token proves the worker's first hello. */
export type RunPlacement = Placement & { workerId: WorkerId; workerToken: string };

export interface Platform {
  readonly kind: string;
  /** Looks now. */
  state(): Promise<PlatformState>;
  /** All workers, by environment. */
  observe(): ReadonlyMap<EnvironmentId, ObservedWorker>;
  /** Makes the volume if there is none, and the worker. Throws PlatformRefusal for what a retry would not mend. */
  start(placement: RunPlacement): Promise<void>;
  /** Ends the worker, gracefully first, and frees all it held but the volume. */
  end(environmentId: EnvironmentId): Promise<void>;
  /** The same, and the volume goes too. */
  erase(environmentId: EnvironmentId): Promise<void>;
  /** Environments that have a volume or any other trace on this platform. */
  traces(): Promise<EnvironmentId[]>;
  /** Calls back when a worker has ended. */
  onChange(fn: () => void): void;
}
