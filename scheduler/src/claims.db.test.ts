/** Claims and reports against the real server and a real database; the platforms are in memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import { systemClock } from '@easel/kit/clock';
import { Secret } from '@easel/kit/config';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createSchedulerApi, type SchedulerApi } from './api.ts';
import { FakePlatform } from './fakes.ts';
import { Reconciler } from './reconciler.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const adminToken = `easel_pat_${randomBytes(16).toString('hex')}`;
const platformToken = `easel_platform_${randomBytes(16).toString('hex')}`;
const stopping = new AbortController();
let server: ChildProcess;
let url: string;
let people: ApiClient;
let objects: string;

function run(program: string, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [program], {
    cwd: checkout,
    env: { PATH: process.env.PATH ?? '', EASEL_DATABASE_URL: process.env.EASEL_TEST_DATABASE_URL ?? '', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

beforeAll(async () => {
  objects = mkdtempSync(join(tmpdir(), 'easel-claims-'));
  const [code] = await once(run('server/src/migrate.ts', {}), 'exit');
  expect(code).toBe(0);
  server = run('server/src/main.ts', {
    EASEL_PORT: '0',
    EASEL_SECRET_KEY: randomBytes(32).toString('hex'),
    EASEL_OBJECT_STORE: 'files',
    EASEL_OBJECT_STORE_DIR: objects,
    EASEL_ADMIN_TOKEN: adminToken,
    EASEL_LOCAL_PLATFORM_TOKEN: platformToken,
    EASEL_GONE_GRACE_SECONDS: '1',
    EASEL_LOG_LEVEL: 'warn',
  });
  const [ready] = (await once(server, 'message')) as [{ url: string }];
  url = ready.url;
  people = createApiClient({ url, token: () => adminToken });
});

afterAll(async () => {
  stopping.abort();
  people.close();
  server.kill('SIGTERM');
  await once(server, 'exit');
  rmSync(objects, { recursive: true });
});

function schedulerApi(claimedBy: string): SchedulerApi {
  const token = new Secret(platformToken);
  return createSchedulerApi({ url, token, claimedBy, log: silentLog, clock: systemClock, signal: stopping.signal });
}

function scheduler(api: SchedulerApi, platform: FakePlatform): Reconciler {
  const common = { log: silentLog, clock: systemClock, metrics: createMetrics('test'), signal: stopping.signal };
  return new Reconciler({ api, platform, ...common });
}

async function turn(reconciler: Reconciler): Promise<void> {
  await reconciler.turn();
  await reconciler.idle();
}

async function createEnvironment(name: string): Promise<string> {
  const { createEnvironment } = await people.query<{ createEnvironment: { id?: string; message?: string } }>(
    `mutation ($name: String!) { createEnvironment(input: { name: $name, gitUrl: "https://git.invalid/x.git" }) {
      ... on Environment { id } ... on Refusal { message } } }`,
    { name },
  );
  if (!createEnvironment.id) throw new Error(createEnvironment.message);
  return createEnvironment.id;
}

async function environment(id: string) {
  const { environment } = await people.query<{
    environment: { phase: string; reason: string | null; failure: { class: string; message: string } | null };
  }>('query ($id: ID!) { environment(id: $id) { phase reason failure { class message } } }', { id });
  return environment;
}

const remove = (id: string) =>
  people.query('mutation ($id: ID!) { deleteEnvironment(id: $id, force: true) { __typename } }', { id });

let platform: FakePlatform;
let api: SchedulerApi;
let local: Reconciler;
beforeEach(() => {
  platform = new FakePlatform();
  api = schedulerApi('one');
  local = scheduler(api, platform);
});

test('a heartbeat makes the platform known', async () => {
  const state = await platform.state();
  const addresses = {
    relayUrl: 'ws://127.0.0.1:7081',
    workerRelayUrl: 'ws://127.0.0.1:7081',
    sshHost: 'h',
    sshPort: 7022,
  };
  await api.heartbeat({ ...state, version: '1', kind: 'local', ...addresses });
  const { platforms } = await people.query<{ platforms: object[] }>(
    '{ platforms { name isOnline runtime isIsolated sshPort } }',
  );
  expect(platforms).toEqual([{ name: 'local', isOnline: true, runtime: 'process', isIsolated: false, sshPort: 7022 }]);
});

test('an environment is placed, given up when its worker is gone, and erased', async () => {
  const id = await createEnvironment('walk');
  await turn(local);
  expect(platform.workers.size).toBe(1);
  expect(await environment(id)).toMatchObject({ phase: 'provisioning' });
  const [worker] = platform.workers.values();
  platform.dies(worker!.environmentId, 'the worker process was ended by SIGKILL');
  await turn(local);
  await vi.waitFor(async () => expect((await environment(id)).phase).toBe('failed'), {
    timeout: 15_000,
    interval: 200,
  });
  expect((await environment(id)).failure?.message).toContain('SIGKILL');
  await turn(local);
  expect([platform.workers.size, platform.volumes.size]).toEqual([0, 1]);
  await remove(id);
  await turn(local);
  expect(platform.volumes.size).toBe(0);
  expect(await api.list()).toEqual([]);
  expect(await api.known([worker!.environmentId])).toEqual([{ id, phase: 'deleted' }]);
});

test('two schedulers alive make each worker once', async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, (_, n) => createEnvironment(`many-${n}`)));
  const other = scheduler(schedulerApi('two'), platform);
  await Promise.all([turn(local), turn(other), turn(local), turn(other)]);
  expect(platform.done.filter((verb) => verb === 'start')).toHaveLength(30);
  expect((await api.list()).map((one) => one.state)).toEqual(ids.map(() => 'placed'));
  await Promise.all(ids.map(remove));
  for (let tries = 0; tries < 20 && (await api.list()).length > 0; tries++) {
    for (const id of platform.workers.keys()) platform.dies(id, 'stopped');
    local.listAgain();
    await turn(local);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(await api.list()).toEqual([]);
  expect(platform.volumes.size).toBe(0);
});

test('what a dead scheduler held comes again when its lease has run out', async () => {
  const id = await createEnvironment('left');
  const dead = createApiClient({ url, token: () => platformToken });
  await dead.query('mutation { claimPlacements(limit: 10, leaseSeconds: 1, claimedBy: "dead") }');
  dead.close();
  await turn(local);
  expect(platform.workers.size).toBe(0);
  await vi.waitFor(
    async () => {
      await turn(local);
      expect(platform.workers.size).toBe(1);
    },
    { timeout: 10_000, interval: 200 },
  );
  await remove(id);
});

test('a hint comes when something is to be claimed', async () => {
  const connected = Promise.withResolvers<void>();
  const hinted = Promise.withResolvers<void>();
  api.subscribe({ onConnected: connected.resolve, onHint: hinted.resolve });
  await connected.promise;
  const id = await createEnvironment('hint');
  await hinted.promise;
  await remove(id);
});
