/**
 * The Docker daemon of a worker that is alone in a container (a pod): started before the first step, waited for in the step
 * `image`, ended after the containers and before the worker. Its data lie on the volume and are there at the next start.
 *
 * If it ends by itself the environment fails with its last words: its containers may live on, but nobody can reach them. If the
 * worker is killed, the container's first process ends and the kernel ends the daemon with all else; what that leaves on the
 * volume a new daemon puts in order itself, and locks there end with their holder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import { pingDocker } from '@easel/kit/docker-daemon';
import type { Log } from '@easel/kit/log';
import type { Failure } from '@easel/schema/failure';
import { type Config, machineEnv } from '../../config.ts';
import { Failed, isDiskFull } from '../../steps/failed.ts';
import type { StepContext } from '../../steps/runner.ts';
import { followLines } from '../lines.ts';
import type { RuntimeEvents } from '../runtime.ts';
import { daemonArguments, PID_FILE, RUN_DIR, SOCKET } from './arguments.ts';
import { daemonCgroup } from './cgroups.ts';
import { type DaemonLine, readDaemonLine } from './log-line.ts';
import { pathWithIptables, smallMtu, storageDriverFor } from './machine.ts';

const readyLimitMs = 60_000;
const askEveryMs = 100;
/** It has no containers left to end when it is asked. */
const minEndMs = 5_000;
const lastWordsMs = 300;
/** Of its output, for the reason of a failure. */
const keptLines = 20;

/** Enters the cgroup, then becomes the daemon: all that it starts is in there too. */
const ENTER = 'while [ "$1" != -- ]; do echo $$ 2>/dev/null >"$1" || true; shift; done; shift; exec "$@"';

export class OwnDockerd {
  /** Resolves when the daemon has ended though nobody asked for it. */
  readonly broken: Promise<Failure>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #ended: Promise<void>;
  readonly #lastLines: DaemonLine[] = [];
  #failure: Failure | null = null;
  #isEnding = false;

  constructor(options: { child: ChildProcess; tell: (text: string) => void; clock: Clock; log: Log }) {
    const { child, tell } = options;
    this.#child = child;
    this.#clock = options.clock;
    this.#log = options.log;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) void followLines(stream, (text) => this.#hear(text, tell));
    }
    const broken = Promise.withResolvers<Failure>();
    this.broken = broken.promise;
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        resolve();
        if (this.#isEnding) return;
        this.#failure = this.#failureOf(`The Docker daemon of the environment ${how}`);
        this.#log.error({ reason: this.#failure.message }, 'docker daemon ended');
        broken.resolve(this.#failure);
      };
      child.once('error', (err) => end(`cannot be run: ${err.message}`));
      // Its own children may hold its output open: what it said last has come by now, or within a moment.
      child.once('exit', (code, signal) => {
        const closed = new Promise((done) => child.once('close', done));
        const how = `ended (${signal ?? `exit code ${code}`})`;
        void Promise.race([closed, this.#clock.sleep(lastWordsMs)]).then(() => end(how));
      });
    });
  }

  /** Resolves once it answers. Throws `Failed` (platform, disk_full), or the signal's reason. */
  async ready(context: StepContext): Promise<void> {
    const untilMs = this.#clock.now() + readyLimitMs;
    while (!(await pingDocker(`unix://${SOCKET}`)).isThere) {
      if (this.#failure) throw new Failed(this.#failure);
      if (this.#clock.now() > untilMs) {
        throw new Failed(
          this.#failureOf(`The Docker daemon of the environment did not answer in ${readyLimitMs / 1000} seconds`),
        );
      }
      context.progress(null, 'Starting the Docker daemon.');
      await this.#clock.sleep(askEveryMs, context.signal);
    }
  }

  /** Says whether it ended by itself. */
  async end(softMs: number): Promise<{ isClean: boolean }> {
    this.#isEnding = true;
    if (this.#failure) return { isClean: false };
    this.#child.kill('SIGTERM');
    const waiting = new AbortController();
    const late = this.#clock.sleep(Math.max(minEndMs, softMs), waiting.signal).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    const outcome = await Promise.race([this.#ended, late]);
    waiting.abort();
    if (outcome !== 'late') return { isClean: true };
    this.#log.warn({}, 'docker daemon killed');
    this.#killGroup();
    await this.#ended;
    return { isClean: false };
  }

  #hear(line: string, tell: (text: string) => void): void {
    const said = readDaemonLine(line);
    if (said.isChatter) return;
    this.#lastLines.push(said);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
    tell(said.text);
  }

  #failureOf(what: string): Failure {
    // What it does not understand of its command line it says first.
    const said = (this.#lastLines.findLast(({ isGrave }) => isGrave) ?? this.#lastLines[0])?.text.slice(0, 600);
    const message = said ? `${what}: ${said}` : `${what}.`;
    const isFull = this.#lastLines.some(({ text }) => isDiskFull(new Error(text)));
    return new Failed({ class: isFull ? 'disk_full' : 'platform', message }).failure;
  }

  #killGroup(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // Ended in between.
    }
  }
}

/** Starts it and does not wait for it. Throws `Failed` (volume, disk_full) when its folder cannot be made. */
export async function startOwnDockerd(options: {
  config: Config;
  volumeDir: string;
  line: RuntimeEvents['line'];
  clock: Clock;
  log: Log;
}): Promise<OwnDockerd> {
  const { config, line, clock, log } = options;
  const dataRoot = join(options.volumeDir, 'docker');
  makeDataRoot(dataRoot);
  // Of a daemon that was killed with its worker, in a container that was then started again.
  for (const left of [RUN_DIR, PID_FILE, SOCKET]) rmSync(left, { recursive: true, force: true });
  const env = machineEnv(config);
  const storageDriver = await storageDriverFor(dataRoot, env.PATH ?? '');
  const args = daemonArguments({ dataRoot, storageDriver, mtu: smallMtu(), config: config.EASEL_DOCKERD_CONFIG });
  const child = spawn('sh', ['-c', ENTER, 'sh', ...daemonCgroup(log), '--', 'dockerd', ...args], {
    env: { ...env, PATH: await pathWithIptables(env.PATH ?? '') },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, which a signal for the worker does not reach.
    detached: true,
  });
  log.info({ storageDriver }, 'docker daemon started');
  return new OwnDockerd({ child, tell: (text) => line('dockerd', 'stderr', text), clock, log });
}

function makeDataRoot(dataRoot: string): void {
  try {
    mkdirSync(dataRoot, { recursive: true, mode: 0o710 });
  } catch (err) {
    if (isDiskFull(err)) throw err;
    const code = (err as NodeJS.ErrnoException).code ?? 'error';
    throw new Failed(
      { class: 'volume', message: `The volume of the environment cannot be written to (${code}).` },
      err,
    );
  }
}
