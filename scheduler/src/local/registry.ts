/**
 * What this machine knows of its workers: one file per environment, at most one worker in it.
 *
 *   (none) ─intend▶ intended ─spawned▶ running ─its end is seen▶ ended        any ─forget▶ (none)
 *
 * The intent is written before the process is made, by O_EXCL, so that of two schedulers one makes it; the process is
 * written down after. A scheduler that was killed between the two finds the process by the EASEL_WORKER_ID in its
 * environment; if there is none, it never came to be. So no worker is lost and none is doubled.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '@easel/kit/log';
import { findProcesses, identifyProcess, isRunning, processIdentitySchema } from '@easel/kit/processes';
import { type EnvironmentId, idSchema, type WorkerId } from '@easel/schema/ids';
import { z } from 'zod';
import type { ObservedWorker } from '../platform.ts';

const recordSchema = z.object({
  environmentId: idSchema('environment'),
  workerId: idSchema('worker'),
  generation: z.number().int(),
  process: processIdentitySchema.nullable(),
  /** How it ended; null while that has not been seen. */
  ended: z.string().nullable(),
});
export type WorkerRecord = z.infer<typeof recordSchema>;

/** Of a worker that ended while no scheduler was its parent, nobody has the exit code. */
const endedUnseen = 'the worker process ended while nobody watched it';

export class WorkerRegistry {
  readonly #dir: string;
  readonly #volumesDir: string;
  readonly #log: Log;
  readonly #records = new Map<EnvironmentId, WorkerRecord>();
  readonly #observed = new Map<EnvironmentId, ObservedWorker>();

  constructor(dirs: { workersDir: string; volumesDir: string }, log: Log) {
    this.#log = log;
    this.#dir = dirs.workersDir;
    this.#volumesDir = dirs.volumesDir;
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  /** Reads what an earlier scheduler left, and finds the processes that it did not come to write down. */
  load(): void {
    for (const file of readdirSync(this.#dir)) {
      const record = this.#read(file);
      if (record) this.#set(record);
    }
    const prefix = `${this.#volumesDir}/`;
    const found = findProcesses(
      (env) => env.EASEL_WORKER_ID !== undefined && (env.EASEL_VOLUME_DIR ?? '').startsWith(prefix),
    );
    for (const { identity, env, isSessionLeader } of found) {
      // A worker's own children are not workers, whatever they inherited.
      if (!isSessionLeader) continue;
      const { EASEL_ENVIRONMENT_ID, EASEL_WORKER_ID, EASEL_GENERATION } = env;
      const ids = {
        environmentId: EASEL_ENVIRONMENT_ID,
        workerId: EASEL_WORKER_ID,
        generation: Number(EASEL_GENERATION),
      };
      const record = recordSchema.safeParse({ ...ids, process: identity, ended: null });
      if (record.success) this.#write(record.data);
    }
    this.look();
  }

  /** A live view. */
  observed(): ReadonlyMap<EnvironmentId, ObservedWorker> {
    return this.#observed;
  }

  get(environmentId: EnvironmentId): WorkerRecord | undefined {
    return this.#records.get(environmentId);
  }

  environments(): EnvironmentId[] {
    return [...this.#records.keys()];
  }

  /** Says that a worker is about to be made. False when the environment has one already. */
  intend(worker: Pick<WorkerRecord, 'environmentId' | 'workerId' | 'generation'>): boolean {
    const record: WorkerRecord = { ...worker, process: null, ended: null };
    try {
      writeFileSync(this.#path(worker.environmentId), JSON.stringify(record), { flag: 'wx', mode: 0o600 });
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw err;
    }
    this.#set(record);
    return true;
  }

  /** Writes down the process that was made. One that has ended already is an ended worker. */
  spawned(environmentId: EnvironmentId, workerId: WorkerId, pid: number): void {
    const record = this.#mine(environmentId, workerId);
    if (!record) return;
    const process = identifyProcess(pid);
    this.#write({ ...record, process, ended: process ? null : endedUnseen });
  }

  ended(environmentId: EnvironmentId, workerId: WorkerId, how: string): void {
    const record = this.#mine(environmentId, workerId);
    if (record) this.#write({ ...record, ended: how });
  }

  /** Looks whether the processes that are not our children still run. Gives the environments of those that have ended. */
  look(): EnvironmentId[] {
    const gone = [...this.#records.values()].filter(
      ({ process, ended }) => process !== null && ended === null && !isRunning(process),
    );
    for (const record of gone) this.#write({ ...record, ended: endedUnseen });
    return gone.map(({ environmentId }) => environmentId);
  }

  /** There is no worker any more, and nothing to know about one. */
  forget(environmentId: EnvironmentId): void {
    rmSync(this.#path(environmentId), { force: true });
    this.#records.delete(environmentId);
    this.#observed.delete(environmentId);
  }

  #mine(environmentId: EnvironmentId, workerId: WorkerId): WorkerRecord | undefined {
    const record = this.#records.get(environmentId);
    return record?.workerId === workerId ? record : undefined;
  }

  #read(file: string): WorkerRecord | null {
    const path = join(this.#dir, file);
    try {
      const record = recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
      if (file === `${record.environmentId}.json`) return record;
    } catch {
      // Cut off in the writing: the process, if there is one, is found by its environment.
    }
    rmSync(path, { force: true });
    return null;
  }

  /** A full disk must not end the scheduler: what is not written is found again by looking at the processes. */
  #write(record: WorkerRecord): void {
    this.#set(record);
    const path = this.#path(record.environmentId);
    try {
      writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (err) {
      this.#log.warn({ environmentId: record.environmentId, err }, 'worker cannot be written down');
    }
  }

  #set(record: WorkerRecord): void {
    const { environmentId, workerId, generation, process, ended } = record;
    this.#records.set(environmentId, record);
    const state: ObservedWorker['state'] =
      ended !== null ? { kind: 'ended', reason: ended } : process ? { kind: 'running' } : { kind: 'intended' };
    this.#observed.set(environmentId, { environmentId, workerId, generation, state });
  }

  #path(environmentId: EnvironmentId): string {
    return join(this.#dir, `${environmentId}.json`);
  }
}
