/**
 * The platform `local`: workers are processes of this machine, volumes are folders of it.
 *
 *   <data>/local/workers/<environment id>.json   registry.ts      <data>/local/volumes/<environment id>   the volume
 *   <data>/local/logs/<environment id>.log       the worker's own output, without secrets
 *
 * Workers run in sessions of their own and outlive the scheduler. When one ends on its own, its parent, or the next look,
 * sees it. Whatever a worker leaves behind (containers, processes) is ended by the worker's own cleanup program, which this
 * platform runs before it says that an environment has ended.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import { pingDocker } from '@easel/kit/docker-daemon';
import type { Log } from '@easel/kit/log';
import { endProcess } from '@easel/kit/processes';
import { type EnvironmentId, isId } from '@easel/schema/ids';
import type { ObservedWorker, Platform, PlatformState, RunPlacement } from '../platform.ts';
import { PlatformRefusal } from '../refusal.ts';
import { WorkerRegistry } from './registry.ts';
import {
  describeEnd,
  runCleanup,
  spawnWorker,
  type WorkerPrograms,
  type WorkerSurroundings,
  workerStopLimitMs,
} from './worker-process.ts';

export interface LocalPlatformOptions {
  dataDir: string;
  runtime: 'auto' | 'docker' | 'process';
  programs: WorkerPrograms;
  surroundings: WorkerSurroundings;
  log: Log;
  clock: Clock;
  signal: AbortSignal;
}

/** A worker that takes longer than it was told it may is killed. */
const stopLimitMs = workerStopLimitMs + 5_000;
const processNotice = 'environments run as plain processes of this machine, without isolation';

export class LocalPlatform implements Platform {
  readonly kind = 'local';
  readonly #options: LocalPlatformOptions;
  readonly #registry: WorkerRegistry;
  readonly #volumesDir: string;
  readonly #logsDir: string;
  #onChange: (environmentId: EnvironmentId) => void = () => undefined;
  #state: PlatformState = { runtime: 'process', isIsolated: false, notice: null };

  /** Adopts the workers that an earlier scheduler left running. */
  constructor(options: LocalPlatformOptions) {
    this.#options = options;
    const folder = join(options.dataDir, 'local');
    this.#volumesDir = join(folder, 'volumes');
    this.#logsDir = join(folder, 'logs');
    // Who runs plain processes must be able to enter the volumes, and nothing beside them.
    mkdirSync(this.#volumesDir, { recursive: true, mode: 0o755 });
    mkdirSync(this.#logsDir, { recursive: true, mode: 0o700 });
    const dirs = { workersDir: join(folder, 'workers'), volumesDir: this.#volumesDir };
    this.#registry = new WorkerRegistry(dirs, options.log);
    this.#registry.load();
  }

  onChange(fn: (environmentId: EnvironmentId) => void): void {
    this.#onChange = fn;
  }

  /** Looks for workers that ended and are not this process's children; those that are tell by themselves. */
  look(): void {
    for (const environmentId of this.#registry.look()) this.#onChange(environmentId);
  }

  observe(): ReadonlyMap<EnvironmentId, ObservedWorker> {
    return this.#registry.observed();
  }

  async state(): Promise<PlatformState> {
    const { runtime, surroundings } = this.#options;
    const docker = runtime === 'process' ? null : await pingDocker(surroundings.machine.DOCKER_HOST);
    if (docker?.isThere) this.#state = { runtime: 'docker', isIsolated: true, notice: null };
    else if (runtime === 'docker') {
      this.#state = { runtime: 'docker', isIsolated: true, notice: `${docker?.reason}: no environment can start` };
    } else {
      const notice = docker ? `${docker.reason}: ${processNotice}` : processNotice;
      this.#state = { runtime: 'process', isIsolated: false, notice };
    }
    return this.#state;
  }

  async start(placement: RunPlacement): Promise<void> {
    const { environmentId, workerId, generation } = placement;
    const known = this.#registry.get(environmentId);
    if (known && known.workerId !== workerId)
      throw new Error(`worker ${known.workerId} of this environment is still there`);
    if (known?.process) return;
    const { runtime } = this.#state;
    if (this.#options.runtime === 'docker' && this.#state.notice)
      throw new PlatformRefusal('platform', this.#state.notice);
    const volumeDir = this.#volumeDir(environmentId);
    try {
      mkdirSync(volumeDir, { recursive: true, mode: 0o755 });
      if (!known && !this.#registry.intend({ environmentId, workerId, generation })) {
        throw new Error('another scheduler makes a worker of this environment');
      }
    } catch (err) {
      throw explain(err, volumeDir);
    }
    const { programs, surroundings, log } = this.#options;
    const logFile = join(this.#logsDir, `${environmentId}.log`);
    const child = spawnWorker(placement, { programs, surroundings, runtime, volumeDir, logFile });
    await new Promise<void>((resolve, reject) => {
      child.once('error', (err) => reject(explain(err, process.execPath)));
      child.once('spawn', () => resolve());
    });
    this.#registry.spawned(environmentId, workerId, child.pid ?? 0);
    child.once('exit', (code, signal) => {
      this.#registry.ended(environmentId, workerId, describeEnd(code, signal));
      log.info(
        { environmentId, workerId, code: code ?? undefined, signal: signal ?? undefined },
        'worker process ended',
      );
      this.#onChange(environmentId);
    });
    child.unref();
  }

  async end(environmentId: EnvironmentId): Promise<void> {
    await this.#end(environmentId, []);
  }

  async erase(environmentId: EnvironmentId): Promise<void> {
    await this.#end(environmentId, ['--erase']);
    const volumeDir = this.#volumeDir(environmentId);
    if (existsSync(volumeDir)) throw new Error(`the volume ${volumeDir} is still there after its cleanup`);
    for (const name of [`${environmentId}.log`, `${environmentId}.log.1`])
      rmSync(join(this.#logsDir, name), { force: true });
  }

  async traces(): Promise<EnvironmentId[]> {
    const logs = readdirSync(this.#logsDir).map((name) => name.replace(/\.log(\.1)?$/, ''));
    const ids = new Set([...readdirSync(this.#volumesDir), ...logs, ...this.#registry.environments()]);
    return [...ids].filter((id) => isId('environment', id));
  }

  async #end(environmentId: EnvironmentId, flags: readonly string[]): Promise<void> {
    const { programs, surroundings, log, clock, signal } = this.#options;
    const known = this.#registry.get(environmentId);
    if (known?.process && known.ended === null) {
      const outcome = await endProcess(known.process, stopLimitMs, { clock, signal });
      if (outcome === 'stuck') throw new Error(`the worker process ${known.process.pid} cannot be ended`);
      if (outcome === 'killed')
        log.warn({ environmentId, workerId: known.workerId }, 'worker did not stop and was killed');
    }
    const volumeDir = this.#volumeDir(environmentId);
    await runCleanup(programs, surroundings, [environmentId, volumeDir, ...flags]);
    this.#registry.forget(environmentId);
  }

  #volumeDir(environmentId: EnvironmentId): string {
    return join(this.#volumesDir, environmentId);
  }
}

/** What a retry will not mend becomes the environment's failure; the rest is trouble, and tried again. */
function explain(err: unknown, path: string): Error {
  const cause = { cause: err };
  switch ((err as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new PlatformRefusal('disk_full', `no room is left on the disk of ${path}`, cause);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return new PlatformRefusal(
        'volume',
        `the scheduler cannot make ${path} (${(err as NodeJS.ErrnoException).code})`,
        cause,
      );
    default:
      return err as Error;
  }
}
