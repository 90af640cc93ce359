import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@easel/kit/clock';
import { silentLog } from '@easel/kit/log';
import { endProcess, findProcesses, identifyProcess } from '@easel/kit/processes';
import { type EnvironmentId, newId } from '@easel/schema/ids';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunPlacement } from '../platform.ts';
import { LocalPlatform } from './local-platform.ts';

/** Stands in for the worker: writes what it was told, and lives until it is told to end. */
const workerProgram = `
import { writeFileSync } from 'node:fs';
const { EASEL_VOLUME_DIR: dir, EASEL_WORKER_TOKEN: token, EASEL_RUNTIME: runtime } = process.env;
process.on('SIGTERM', () => { writeFileSync(dir + '/stopped', ''); process.exit(0); });
writeFileSync(dir + '/told', JSON.stringify({ token, runtime, secret: process.env.EASEL_PLATFORM_TOKEN ?? null }));
console.log('worker is up');
setInterval(() => {}, 1000);
`;
const cleanupProgram = `
import { appendFileSync, existsSync, rmSync } from 'node:fs';
const [environmentId, dir, flag] = process.argv.slice(2);
appendFileSync(dir + '.cleanups', (flag ?? 'keep') + '\\n');
if (existsSync(dir + '/stuck')) { console.error('a container cannot be ended'); process.exit(1); }
if (flag === '--erase') rmSync(dir, { recursive: true, force: true });
`;

let dataDir: string;
let stopping: AbortController;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'easel-local-'));
  writeFileSync(join(dataDir, 'worker.mjs'), workerProgram);
  writeFileSync(join(dataDir, 'cleanup.mjs'), cleanupProgram);
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  for (const { identity } of workers()) await endProcess(identity, 0);
  rmSync(dataDir, { recursive: true });
});

const workers = () => findProcesses((env) => (env.EASEL_VOLUME_DIR ?? '').startsWith(`${dataDir}/`));
const volume = (id: EnvironmentId, ...rest: string[]) => join(dataDir, 'local/volumes', id, ...rest);

function platform(): LocalPlatform {
  return new LocalPlatform({
    dataDir,
    runtime: 'process',
    programs: { main: join(dataDir, 'worker.mjs'), cleanup: join(dataDir, 'cleanup.mjs') },
    surroundings: {
      serverUrl: 'http://127.0.0.1:1',
      insideDir: '/nonexistent',
      localUser: undefined,
      logLevel: 'info',
      machine: { PATH: process.env.PATH ?? '' },
    },
    log: silentLog,
    clock: systemClock,
    signal: stopping.signal,
  });
}

function placement(fields: Partial<RunPlacement> = {}): RunPlacement {
  return {
    id: newId('placement'),
    environmentId: newId('environment'),
    environmentName: 'shop',
    workerId: newId('worker'),
    generation: 1,
    wish: 'run',
    state: 'claimed',
    workerToken: 'once',
    leaseExpiresAt: null,
    spec: null,
    ...fields,
  };
}

async function started(local: LocalPlatform, run: RunPlacement): Promise<void> {
  await local.start(run);
  await vi.waitFor(() => expect(existsSync(volume(run.environmentId, 'told'))).toBe(true), { timeout: 10_000 });
}

test('a worker is a process of its own session with a volume, its token and nothing of the platform', async () => {
  const run = placement();
  await started(platform(), run);
  expect(JSON.parse(readFileSync(volume(run.environmentId, 'told'), 'utf8'))).toEqual({
    token: 'once',
    runtime: 'process',
    secret: null,
  });
  expect(workers().map((one) => one.isSessionLeader)).toEqual([true]);
  expect(readFileSync(join(dataDir, 'local/logs', `${run.environmentId}.log`), 'utf8')).toBe('worker is up\n');
});

test('starting twice makes one', async () => {
  const run = placement();
  const local = platform();
  await started(local, run);
  await local.start(run);
  expect(workers()).toHaveLength(1);
});

test('a restarted scheduler knows the worker again, and sees it end', async () => {
  const run = placement();
  await started(platform(), run);
  const second = platform();
  let changes = 0;
  second.onChange(() => {
    changes++;
  });
  expect(second.observe().get(run.environmentId)).toMatchObject({ workerId: run.workerId, state: { kind: 'running' } });
  await endProcess(workers()[0]!.identity, 0);
  second.look();
  expect(changes).toBe(1);
  expect(second.observe().get(run.environmentId)?.state).toEqual({
    kind: 'ended',
    reason: 'the worker process ended while nobody watched it',
  });
});

test('killed after the intent, before the process: the worker is made at the next try', async () => {
  const run = placement();
  const { environmentId, workerId, generation } = run;
  mkdirSync(join(dataDir, 'local/workers'), { recursive: true });
  const record = { environmentId, workerId, generation, process: null, ended: null };
  writeFileSync(join(dataDir, 'local/workers', `${environmentId}.json`), JSON.stringify(record));
  const local = platform();
  expect(local.observe().get(environmentId)?.state).toEqual({ kind: 'intended' });
  await started(local, run);
  expect(workers()).toHaveLength(1);
});

test('killed after the process, before it was written down: the process is found', async () => {
  const run = placement();
  const first = platform();
  await started(first, run);
  const file = join(dataDir, 'local/workers', `${run.environmentId}.json`);
  const record = JSON.parse(readFileSync(file, 'utf8'));
  for (const left of [JSON.stringify({ ...record, process: null }), '{"half', null]) {
    if (left === null) rmSync(file);
    else writeFileSync(file, left);
    const next = platform();
    expect(next.observe().get(run.environmentId)).toMatchObject({ workerId: run.workerId, state: { kind: 'running' } });
    await next.start(run);
    expect(workers()).toHaveLength(1);
  }
});

test('a record of a process whose pid somebody else has by now is a worker that is gone', async () => {
  const run = placement();
  const { environmentId, workerId, generation } = run;
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const identity = identifyProcess(stranger.pid ?? 0)!;
    mkdirSync(join(dataDir, 'local/workers'), { recursive: true });
    const process = { ...identity, startTicks: identity.startTicks - 1 };
    const record = { environmentId, workerId, generation, process, ended: null };
    writeFileSync(join(dataDir, 'local/workers', `${environmentId}.json`), JSON.stringify(record));
    const local = platform();
    expect(local.observe().get(environmentId)?.state.kind).toBe('ended');
    await local.end(environmentId);
    expect(stranger.exitCode).toBeNull();
  } finally {
    stranger.kill('SIGKILL');
  }
});

test('an end is graceful, cleans up, and keeps the volume', async () => {
  const run = placement();
  const local = platform();
  await started(local, run);
  await local.end(run.environmentId);
  expect(workers()).toEqual([]);
  expect(existsSync(volume(run.environmentId, 'stopped'))).toBe(true);
  expect(readFileSync(`${volume(run.environmentId)}.cleanups`, 'utf8')).toBe('keep\n');
  expect(local.observe().has(run.environmentId)).toBe(false);
});

test('an erased environment leaves nothing', async () => {
  const run = placement();
  const local = platform();
  await started(local, run);
  await local.erase(run.environmentId);
  rmSync(`${volume(run.environmentId)}.cleanups`);
  for (const folder of ['volumes', 'workers', 'logs']) expect(readdirSync(join(dataDir, 'local', folder))).toEqual([]);
  expect(await local.traces()).toEqual([]);
});

test('a cleanup that fails says why, and the environment is not forgotten', async () => {
  const run = placement();
  const local = platform();
  await started(local, run);
  writeFileSync(volume(run.environmentId, 'stuck'), '');
  await expect(local.erase(run.environmentId)).rejects.toThrow(
    'cleaning up failed (exit code 1): a container cannot be ended',
  );
  expect(await local.traces()).toEqual([run.environmentId]);
  rmSync(volume(run.environmentId, 'stuck'));
  await local.erase(run.environmentId);
  rmSync(`${volume(run.environmentId)}.cleanups`);
});

test('a worker that ends by itself is seen with its exit code or signal', async () => {
  const run = placement();
  const local = platform();
  const changed = Promise.withResolvers<void>();
  local.onChange(() => changed.resolve());
  await started(local, run);
  process.kill(workers()[0]!.identity.pid, 'SIGKILL');
  await changed.promise;
  expect(local.observe().get(run.environmentId)?.state).toEqual({
    kind: 'ended',
    reason: 'the worker process was ended by SIGKILL',
  });
});

test('the next worker of an environment is not made while the last one is there', async () => {
  const run = placement();
  const local = platform();
  await started(local, run);
  const next = placement({ environmentId: run.environmentId, generation: 2 });
  await expect(local.start(next)).rejects.toThrow(`worker ${run.workerId} of this environment is still there`);
});

test('without Docker the platform says that nothing is isolated', async () => {
  expect(await platform().state()).toEqual({
    runtime: 'process',
    isIsolated: false,
    notice: 'environments run as plain processes of this machine, without isolation',
  });
});
