/** Starts a worker as a scheduler does: a process of its own, told everything by its environment. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProcesses } from '@easel/kit/processes';
import { buildPack } from '../src/inside/pack/build.ts';
import type { FakeServer } from './fake-server.ts';

const agentDir = join(import.meta.dirname, '..');

export interface StartedWorker {
  process: ChildProcess;
  /** Resolves to the exit code or the signal. */
  exit: Promise<number | NodeJS.Signals | null>;
  /** What it wrote to its own log. */
  output: () => string;
}

export function startWorker(
  server: FakeServer,
  options: {
    volumeDir: string;
    insideDir: string;
    runtime: 'docker' | 'process';
    env?: Record<string, string>;
    /** Who runs the worker, where that is not who runs the test. */
    user?: { uid: number; gid: number };
  },
): StartedWorker {
  const { environmentId, workerId, generation } = server.manifest;
  const child = spawn(process.execPath, [join(agentDir, 'src/main.ts')], {
    env: {
      PATH: process.env.PATH,
      EASEL_SERVER_URL: server.url,
      EASEL_ENVIRONMENT_ID: environmentId,
      EASEL_WORKER_ID: workerId,
      EASEL_GENERATION: String(generation),
      EASEL_WORKER_TOKEN: server.token,
      EASEL_VOLUME_DIR: options.volumeDir,
      EASEL_RUNTIME: options.runtime,
      EASEL_INSIDE_DIR: options.insideDir,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options.user,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return {
    process: child,
    exit: once(child, 'close').then(([code, signal]) => code ?? signal),
    output: () => output,
  };
}

export function runCleanup(args: string[], user?: { uid: number; gid: number }): string {
  const program = join(agentDir, 'src/cleanup.ts');
  return execFileSync(process.execPath, [program, ...args], { encoding: 'utf8', ...user });
}

/** Where a test keeps its volumes and repositories: everybody may enter, as on an installed machine. */
export function makeScratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'easel-test-'));
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, 'volumes'), { mode: 0o755 });
  return dir;
}

/** Volumes hold files of other users: root's, and, without being root, only what is ours. */
export function removeScratch(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

export async function insidePack(): Promise<string> {
  return (await buildPack({ into: join(agentDir, 'dist') })).path;
}

/** A bare repository with one commit per entry; resolves to its file URL. */
export function makeRepository(dir: string, name: string, files: Record<string, string>): string {
  const work = join(dir, `${name}.work`);
  const bare = join(dir, `${name}.git`);
  mkdirSync(work, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
      stdio: 'pipe',
    });
  git('init', '--quiet', '--initial-branch=main');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(work, path, '..'), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  git('add', '-A');
  git('commit', '--quiet', '-m', 'first');
  git('branch', 'side');
  git('clone', '--quiet', '--bare', work, bare);
  rmSync(work, { recursive: true });
  return `file://${bare}`;
}

/** The processes that were started with this environment's id and are no worker. */
export function processesOf(environmentId: string): number[] {
  return findProcesses((env) => env.EASEL_ENVIRONMENT_ID === environmentId && env.EASEL_WORKER_ID === undefined).map(
    ({ identity }) => identity.pid,
  );
}
