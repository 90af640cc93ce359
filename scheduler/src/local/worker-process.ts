/** Worker processes of this machine: how they are made, and what cleans up after one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import type { RunPlacement } from '../platform.ts';

export interface WorkerPrograms {
  /** `worker-agent/src/main.ts` and `worker-agent/src/cleanup.ts`. */
  main: string;
  cleanup: string;
}

/** What every worker is told beside its own placement. */
export interface WorkerSurroundings {
  serverUrl: string;
  insideDir: string;
  /** Who plain processes run as when root starts the workers. */
  localUser: string | undefined;
  logLevel: string;
  /** The machine's own variables: PATH, proxies, certificates, Docker's. */
  machine: Readonly<Record<string, string>>;
}

/** What a worker is told that it has for a graceful stop. The server waits for its own stop before; this is for the others. */
export const workerStopLimitMs = 40_000;
/** A worker's own output is kept up to twice this. */
const maxLogBytes = 5 * 1024 * 1024;
/** Ending containers, and removing a large volume, takes its time. */
const cleanupLimitMs = 120_000;
const keptBytes = 2_000;

/** Starts a worker in a session of its own: it outlives this process, and no terminal signals it. */
export function spawnWorker(
  placement: RunPlacement,
  options: {
    programs: WorkerPrograms;
    surroundings: WorkerSurroundings;
    runtime: 'docker' | 'process';
    volumeDir: string;
    logFile: string;
  },
): ChildProcess {
  const { programs, surroundings, runtime, volumeDir, logFile } = options;
  const { serverUrl, insideDir, localUser, logLevel, machine } = surroundings;
  const output = openLog(logFile);
  try {
    return spawn(process.execPath, [programs.main], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
      env: {
        ...machine,
        EASEL_SERVER_URL: serverUrl,
        EASEL_ENVIRONMENT_ID: placement.environmentId,
        EASEL_WORKER_ID: placement.workerId,
        EASEL_GENERATION: String(placement.generation),
        EASEL_WORKER_TOKEN: placement.workerToken,
        EASEL_VOLUME_DIR: volumeDir,
        EASEL_RUNTIME: runtime,
        EASEL_INSIDE_DIR: insideDir,
        EASEL_LOG_LEVEL: logLevel,
        EASEL_STOP_LIMIT_MS: String(workerStopLimitMs),
        ...(localUser ? { EASEL_LOCAL_USER: localUser } : {}),
      },
    });
  } finally {
    closeSync(output);
  }
}

/** How a process ended, in half a sentence. */
export function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal) return `the worker process was ended by ${signal}`;
  return `the worker process ended with exit code ${code}`;
}

/** Ends what a worker left behind; `--erase` removes its volume, too. Throws with the program's last words. */
export async function runCleanup(
  programs: WorkerPrograms,
  surroundings: WorkerSurroundings,
  args: readonly string[],
): Promise<void> {
  const child = spawn(process.execPath, [programs.cleanup, ...args], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: cleanupLimitMs,
    env: {
      ...surroundings.machine,
      EASEL_INSIDE_DIR: surroundings.insideDir,
      ...(surroundings.localUser ? { EASEL_LOCAL_USER: surroundings.localUser } : {}),
    },
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-keptBytes);
    });
  }
  const how = await new Promise<string>((resolve) => {
    child.on('error', (err) => resolve(err.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  if (how !== 'exit code 0') throw new Error(`cleaning up failed (${how}): ${words.trim().split('\n').at(-1) ?? ''}`);
}

function openLog(path: string): number {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}
