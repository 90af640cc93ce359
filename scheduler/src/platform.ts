/**
 * What a scheduler asks of a computing platform. Each verb reaches its goal however often it is called and wherever an
 * earlier call was cut off: "already there" and "already gone" are success.
 */
import type { Failure } from '@easel/schema/failure';
import type { EnvironmentId, SnapshotId, WorkerId } from '@easel/schema/ids';
import type { PlatformFeatures } from '@easel/schema/platform-settings';
import type { Placement } from '@easel/schema/wire/placement';

/** The volume of an environment, as far as the platform tells. */
export interface ObservedVolume {
  /** What was asked for last, granted or not. */
  requestedBytes: number;
  /** What it has; 0 while it is being made. */
  capacityBytes: number;
  /** Why it has not what was asked for, one sentence; null when all is well. */
  problem: string | null;
}

/** A worker as the platform sees it. There is never more than one of an environment. */
export interface ObservedWorker {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
  state: /** Asked for; whether it came to be is not known, but none runs now. */
    | { kind: 'intended' }
    /** It exists, but does not run yet. `reason`: what it waits for, one sentence. */
    | { kind: 'pending'; reason: string }
    | { kind: 'running' }
    /** It exists, and will never run. */
    | { kind: 'broken'; failure: Failure }
    /** It still runs, but the platform takes its machine away. `reason`: one half-sentence. */
    | { kind: 'leaving'; reason: string }
    /** Gone for good. `reason`: exit code, signal, eviction; one half-sentence. */
    | { kind: 'ended'; reason: string; isEvicted?: boolean };
  /** Where the platform has volumes of a size. */
  volume?: ObservedVolume;
}

/** What the platform says of itself with each heartbeat. */
export interface PlatformState {
  runtime: 'docker' | 'process';
  isIsolated: boolean;
  /** What a person should know about it; null when all is well. */
  notice: string | null;
  /** Of a cluster only. */
  cluster?: ClusterState;
}

export interface ClusterState {
  clusterVersion: string | null;
  features: PlatformFeatures;
  storageClasses: StorageClassState[];
  /** What an administrator should mend, one sentence each. */
  problems: string[];
  /** The version of the settings in force; null while they are the built-in ones. */
  settingsVersion: number | null;
  /** Why a newer version is not in force. */
  settingsProblem: string | null;
}

export interface StorageClassState {
  name: string;
  isDefault: boolean;
  canExpand: boolean;
  provisioner: string;
}

/** A claimed wish to run a worker: the token proves the worker's first hello. */
export type RunPlacement = Placement & { workerId: WorkerId; workerToken: string };

/** A snapshot as the platform sees it. */
export type ObservedSnapshot =
  | { kind: 'taking'; isCut: boolean; reason: string }
  | { kind: 'ready'; sizeBytes: number }
  | { kind: 'broken'; failure: Failure }
  | { kind: 'deleting' };

export interface Snapshots {
  /** Null when there is none. */
  observe(id: SnapshotId): ObservedSnapshot | null;
  /** Asks for the cut. Throws PlatformRefusal for what a retry would not mend. */
  take(id: SnapshotId, environmentId: EnvironmentId): Promise<void>;
  /** Asks for its end; it is gone when it is not observed any more. */
  remove(id: SnapshotId): Promise<void>;
}

export interface Platform {
  readonly kind: string;
  /** Where the platform can take snapshots. */
  readonly snapshots?: Snapshots;
  /** Looks now. */
  state(): Promise<PlatformState>;
  /** All workers, by environment. */
  observe(): ReadonlyMap<EnvironmentId, ObservedWorker>;
  /** Makes the volume if there is none, and the worker. Throws PlatformRefusal for what a retry would not mend. */
  start(placement: RunPlacement): Promise<void>;
  /** Asks for a larger volume. What comes of it, a refusal too, is observed. */
  grow?(environmentId: EnvironmentId, diskBytes: number): Promise<void>;
  /** Ends the worker, gracefully first, and frees all it held but the volume. */
  end(environmentId: EnvironmentId): Promise<void>;
  /** The same, and the volume goes too. */
  erase(environmentId: EnvironmentId): Promise<void>;
  /** Environments that have a volume or any other trace on this platform. */
  traces(): Promise<EnvironmentId[]>;
  /** Calls back when what is observed of an environment, or of the snapshots (null), has changed. */
  onChange(fn: (environmentId: EnvironmentId | null) => void): void;
}
