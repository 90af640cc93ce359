/**
 * What the worker gateway, presence and the sweeps may say of an environment: facts come up, and this is the only door.
 *
 * Every verb takes the caller's transaction, so that a report and its acknowledged number are stored together or not at
 * all; it notifies in that transaction too. A fact of another generation than the current one, a late or a doubled one
 * changes nothing and gives false.
 */
import type { EnvironmentId, UserId, WorkerId } from '@easel/schema/ids';
import type { AuthorizedKey, Manifest } from '@easel/schema/wire/manifest';
import type { relayAccessSchema, WorkerEvent, WorkerMessage } from '@easel/schema/wire/worker';
import type { z } from 'zod';
import type { Tx } from '../db.ts';
import type { FreezeWish } from '../snapshot/snapshot.facts.ts';

export interface WorkerRef {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
}

export type Hello = Extract<WorkerMessage, { type: 'worker.hello' }>;
export type RelayAccess = z.infer<typeof relayAccessSchema>;

/** What a worker that has proved itself gets told, and what its gateway must know. */
export interface WorkerAccess extends WorkerRef {
  ownerId: UserId;
  ackedReport: number;
  ackedLog: number;
  manifest: Manifest;
  /** Null while the platform has no relay. */
  relay: RelayAccess | null;
  ticketKeys: { keys: Record<string, unknown>[] };
}

/** What the environment's worker is to do now. `stop` stands until the worker is gone. */
export type WorkerWish =
  | { kind: 'run' }
  | { kind: 'stop'; reason: string; deadlineSeconds: number }
  | { kind: 'leave' };

/** Who gets in, as it is now. */
export interface Entry {
  authorizedKeys: AuthorizedKey[];
  /** What came in by one of these is to be cut. */
  revokedCredentials: string[];
  /** Whose certificates are good. */
  certificateAuthorities: string[];
}

export interface EnvironmentFacts {
  /**
   * Checks a hello (one-time token, generation, the worker's secret), binds the worker to its secret at the first one, and
   * stores that it registered. Throws FORBIDDEN, GENERATION_STALE, WRONG_STATE (the worker is not to come back) or
   * STORE_UNAVAILABLE (it is). Its own transaction.
   */
  workerAccess(hello: Hello): Promise<WorkerAccess>;
  /** What to tell the worker; ask again at every `live.worker(environmentId)` and after each hello. */
  workerWish(worker: WorkerRef): Promise<WorkerWish>;
  /** For which snapshots its volume is to be frozen, or works on; ask again when `workerWish` is asked again. */
  freezeWishes(worker: WorkerRef): Promise<FreezeWish[]>;
  entry(environmentId: EnvironmentId): Promise<Entry>;
  /** A fresh ticket for the relay; renew well before `expiresAt`. */
  relayAccess(worker: WorkerRef): Promise<RelayAccess | null>;

  /** One report of the worker: steps, ready, failed, stopping, stopped. `at` is the worker's own clock. */
  applyWorkerEvent(tx: Tx, worker: WorkerRef, event: WorkerEvent, at: Date): Promise<boolean>;
  /** Its heartbeat is missing: `running` becomes `interrupted`, any other phase with a worker only loses connectivity. */
  workerSilent(tx: Tx, worker: { environmentId: EnvironmentId; generation: number }): Promise<boolean>;
  /** It is heard again. Also said of a worker whose connectivity is `online` already; that changes nothing. */
  workerHeard(tx: Tx, worker: { environmentId: EnvironmentId; generation: number }): Promise<boolean>;

  /** Environments whose `deadlineAt` has passed, oldest first. */
  overdue(limit: number): Promise<EnvironmentId[]>;
  /** Ends what has waited too long: a stop is forced, a grace period expires. Its own transaction. */
  deadlinePassed(environmentId: EnvironmentId): Promise<boolean>;
}
