/**
 * The scheduler of the platform `kubernetes`, with the real server, a real database and a real API server (KUBECONFIG): how soon a
 * pod follows a click, and a thousand environments at once. Pods ask for a node that does not exist, volumes for a class that
 * makes none: nobody runs them, so what is measured is ours and the API server's. Peer: a bare client that makes the same three
 * objects per environment at the same rate of calls.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import { systemClock } from '@easel/kit/clock';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { type EnvironmentId, newId } from '@easel/schema/ids';
import { platformSettingsSchema } from '@easel/schema/platform-settings';
import { anySpec } from '../../scheduler/src/fakes.ts';
import { ApiServer, loadKubeConfig } from '../../scheduler/src/kubernetes/api-server.ts';
import { Informer } from '../../scheduler/src/kubernetes/informer.ts';
import { volumeClaim, workerSecret } from '../../scheduler/src/kubernetes/objects.ts';
import { workerPod } from '../../scheduler/src/kubernetes/pod.ts';
import { type PodView, readPod } from '../../scheduler/src/kubernetes/views.ts';
import { createDatabase, startPostgres } from '../kit/postgres.ts';
import { type Bench, type BenchContext, type BenchProcess, measurement, percentile, startNode } from './harness.ts';

const program = (path: string) => new URL(`../../${path}`, import.meta.url);
/** Calls per second, of ours and of the bare client: the product's default. */
const callsPerSecond = 50;
const image = 'easel-worker:none';
/** Clicks under way at once. */
const atOnce = 20;

export const bench: Bench = {
  title: 'click → pod, and a thousand environments at once (needs KUBECONFIG)',
  async run(ctx) {
    if (!process.env.KUBECONFIG) throw new Error('set KUBECONFIG to a cluster that may be used for tests');
    const stopping = new AbortController();
    const cluster = await openCluster(stopping.signal);
    const house = await openHouse(cluster);
    try {
      if (ctx.wants('click')) await clicks(ctx, cluster, house);
      if (ctx.wants('at once')) await manyAtOnce(ctx, cluster, house);
    } finally {
      await house.close();
      await cluster.close();
      stopping.abort();
    }
  },
};

interface Cluster {
  api: ApiServer;
  /** Ours, and the bare client's. */
  namespace: string;
  bareNamespace: string;
  storageClass: string;
  /** When each environment's pod was first seen, in milliseconds. */
  seenAtMs: Map<EnvironmentId, number>;
  pods: Informer<PodView>;
  close(): Promise<void>;
}

async function openCluster(signal: AbortSignal): Promise<Cluster> {
  const config = loadKubeConfig(process.env.KUBECONFIG);
  const rate = { perSecond: callsPerSecond, burst: 2 * callsPerSecond };
  const api = new ApiServer({ config, clock: systemClock, signal, rate, limitMs: 120_000 });
  const name = `easel-bench-${randomBytes(4).toString('hex')}`;
  const [namespace, bareNamespace] = [name, `${name}-bare`];
  for (const one of [namespace, bareNamespace]) {
    await api.call({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: one } } });
    await serviceAccount(api, one);
  }
  const classes = '/apis/storage.k8s.io/v1/storageclasses';
  const provisioner = 'kubernetes.io/no-provisioner';
  const body = { metadata: { name }, provisioner, volumeBindingMode: 'WaitForFirstConsumer' };
  await api.call({ method: 'POST', path: classes, body });
  const seenAtMs = new Map<EnvironmentId, number>();
  const pods = new Informer({
    kind: 'pods',
    path: `/api/v1/namespaces/${namespace}/pods`,
    read: readPod,
    onChange: (pod) => {
      if (pod && !seenAtMs.has(pod.environmentId)) seenAtMs.set(pod.environmentId, performance.now());
    },
    api,
    log: silentLog,
    clock: systemClock,
    metrics: createMetrics('bench'),
    signal,
  });
  void pods.run();
  await pods.synced;
  return {
    api,
    namespace,
    bareNamespace,
    storageClass: name,
    seenAtMs,
    pods,
    async close() {
      await api.call({ method: 'DELETE', path: `${classes}/${name}` });
      for (const one of [namespace, bareNamespace]) {
        await api.call({ method: 'DELETE', path: `/api/v1/namespaces/${one}` });
      }
    },
  };
}

/** Pods are refused until the namespace's own account is there. */
async function serviceAccount(api: ApiServer, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  for (let tries = 0; tries < 50; tries++) {
    if (await api.call({ path }).then(Boolean, () => false)) return;
    await systemClock.sleep(200);
  }
}

interface House {
  people: ApiClient;
  close(): Promise<void>;
}

/** Database, server and scheduler, each a process; the scheduler with settings that keep its pods from running. */
async function openHouse(cluster: Cluster): Promise<House> {
  const postgres = await startPostgres();
  const database = await createDatabase(postgres.url);
  const objects = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  const adminToken = `easel_pat_${randomBytes(16).toString('hex')}`;
  const platformToken = `easel_platform_${randomBytes(16).toString('hex')}`;
  const processes: BenchProcess<{ url?: string }>[] = [];
  const close = async () => {
    people?.close();
    for (const one of processes.toReversed()) await one.stop();
    await database.drop();
    await postgres.stop();
    rmSync(objects, { recursive: true });
  };
  let people: ApiClient | undefined;
  try {
    const { migrate } = await import('../../server/src/migrations.ts');
    await migrate(database.url);
    const server = await startNode<{ url: string }>(program('server/src/main.ts'), {
      env: {
        EASEL_PORT: '0',
        EASEL_DATABASE_URL: database.url,
        EASEL_SECRET_KEY: randomBytes(32).toString('hex'),
        EASEL_OBJECT_STORE: 'files',
        EASEL_OBJECT_STORE_DIR: objects,
        EASEL_ADMIN_TOKEN: adminToken,
        EASEL_LOCAL_PLATFORM_TOKEN: platformToken,
        EASEL_MAX_ENVIRONMENTS_PER_USER: '10000',
      },
    });
    processes.push(server);
    people = createApiClient({ url: server.ready.url, token: () => adminToken });
    const scheduler = await startNode(program('scheduler/src/main.ts'), {
      env: {
        EASEL_SERVER_URL: server.ready.url,
        EASEL_PLATFORM_TOKEN: platformToken,
        EASEL_PLATFORM_KIND: 'kubernetes',
        EASEL_KUBERNETES_NAMESPACE: cluster.namespace,
        EASEL_KUBERNETES_WORKER_IMAGE: image,
        EASEL_KUBERNETES_CALLS_PER_SECOND: String(callsPerSecond),
        EASEL_RELAY_URL: 'ws://127.0.0.1:1',
        EASEL_SSH_HOST: '127.0.0.1',
        EASEL_SSH_PORT: '22',
      },
    });
    processes.push(scheduler);
    await useSettings(people, settingsOf(cluster));
    return { people, close };
  } catch (err) {
    await close();
    throw err;
  }
}

const settingsOf = ({ storageClass }: Cluster) => ({
  nodeSelector: { 'easel.dev/bench': 'no-such-node' },
  storageClass,
});

async function useSettings(people: ApiClient, settings: object): Promise<void> {
  const { platforms } = await people.query<{ platforms: { id: string }[] }>('{ platforms { id } }');
  const document = `mutation ($id: ID!, $settings: JSON!) { updatePlatformSettings(id: $id, settings: $settings) {
    ... on Platform { settingsVersion } ... on Refusal { message } } }`;
  const { updatePlatformSettings } = await people.query<{
    updatePlatformSettings: { settingsVersion?: number; message?: string };
  }>(document, { id: platforms[0]?.id, settings });
  const { settingsVersion: wanted, message } = updatePlatformSettings;
  if (wanted === undefined) throw new Error(message);
  for (let tries = 0; tries < 100; tries++) {
    const seen = await people.query<{
      platforms: { settingsAppliedVersion: number | null; settingsProblem: string }[];
    }>('{ platforms { settingsAppliedVersion settingsProblem } }');
    if (seen.platforms[0]?.settingsAppliedVersion === wanted) return;
    if (seen.platforms[0]?.settingsProblem) throw new Error(seen.platforms[0].settingsProblem);
    await systemClock.sleep(200);
  }
  throw new Error('the scheduler has not taken its settings');
}

/** Gives the id of the new environment, and when it was asked for. */
async function click(people: ApiClient): Promise<{ id: EnvironmentId; atMs: number }> {
  const atMs = performance.now();
  const document = `mutation ($name: String!) { createEnvironment(input: { name: $name, gitUrl: "https://git.invalid/x.git" }) {
    ... on Environment { id } ... on Refusal { message } } }`;
  const { createEnvironment } = await people.query<{ createEnvironment: { id?: EnvironmentId; message?: string } }>(
    document,
    { name: `b-${randomBytes(6).toString('hex')}` },
  );
  if (!createEnvironment.id) throw new Error(createEnvironment.message);
  return { id: createEnvironment.id, atMs };
}

async function seen(cluster: Cluster, ids: readonly EnvironmentId[], limitMs: number): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!ids.every((id) => cluster.seenAtMs.has(id))) {
    if (performance.now() > untilMs) {
      throw new Error(`${ids.filter((id) => !cluster.seenAtMs.has(id)).length} pods were not made in ${limitMs} ms`);
    }
    await systemClock.sleep(5);
  }
}

/** One after the other: the wait of a person, less what the API server takes for the same objects. */
async function clicks(ctx: BenchContext, cluster: Cluster, { people }: House): Promise<void> {
  const count = ctx.quick ? 20 : 100;
  const ours: number[] = [];
  const bare: number[] = [];
  for (let n = 0; n < count; n++) {
    bare.push(await bareEnvironment(cluster));
    const { id, atMs } = await click(people);
    await seen(cluster, [id], 30_000);
    ours.push((cluster.seenAtMs.get(id) ?? 0) - atMs);
    // Below the rate of calls: what is measured is the way, not the queue.
    await systemClock.sleep(150);
  }
  const apiMs = percentile(bare, 0.5);
  ctx.note(
    `click → pod seen p50 ${percentile(ours, 0.5).toFixed(0)} ms; the API server's own part ${apiMs.toFixed(0)} ms`,
  );
  const unit = 'ms';
  const share = (p: number) => percentile(ours, p) - apiMs;
  ctx.report(
    measurement({ row: 'click → pod created, our share, p50', ours: share(0.5), unit, goal: { atMost: 150 } }),
  );
  ctx.report(
    measurement({ row: 'click → pod created, our share, p99', ours: share(0.99), unit, goal: { atMost: 500 } }),
  );
}

async function manyAtOnce(ctx: BenchContext, cluster: Cluster, { people }: House): Promise<void> {
  const count = ctx.quick ? 100 : 1_000;
  const bareStartedMs = performance.now();
  await side(count, () => bareEnvironment(cluster));
  const bareMs = performance.now() - bareStartedMs;
  // Both begin with a full bucket.
  await systemClock.sleep(3_000);
  const startedMs = performance.now();
  const made = await side(count, () => click(people));
  const ids = made.map(({ id }) => id);
  await seen(cluster, ids, 10 * 60_000);
  const oursMs = Math.max(...ids.map((id) => cluster.seenAtMs.get(id) ?? 0)) - startedMs;
  ctx.note(`${count} environments in ${(oursMs / 1000).toFixed(1)} s; a bare client ${(bareMs / 1000).toFixed(1)} s`);
  const peer = { peer: bareMs / 1000, peerName: 'bare client' };
  const row = `${count} at once: last pod asked for`;
  const goal = { atMost: Number(((1.2 * bareMs) / 1000).toFixed(1)) };
  ctx.report(measurement({ row, ours: oursMs / 1000, unit: 's', goal, ...peer }));
  // A late second pod would come with a retry.
  await systemClock.sleep(5_000);
  const pods = [...cluster.pods.all()].filter(({ environmentId }) => ids.includes(environmentId));
  ctx.report(
    measurement({
      row: `${count} at once: pods too many`,
      ours: pods.length - count,
      unit: 'pods',
      goal: { atMost: 0 },
    }),
  );
}

/** Makes what a worker needs without a scheduler; gives the milliseconds. */
async function bareEnvironment({ api, bareNamespace, storageClass }: Cluster): Promise<number> {
  const worker = { environmentId: newId('environment'), workerId: newId('worker'), generation: 1 };
  const settings = platformSettingsSchema.parse({ nodeSelector: { 'easel.dev/bench': 'no-such-node' }, storageClass });
  const surroundings = { platformId: 'bare', workerImage: image, serverUrl: 'http://127.0.0.1:1', logLevel: 'info' };
  const parts = { platformId: 'bare', settings, spec: anySpec, surroundings };
  const post = (kind: string, body: unknown) =>
    api.call({ method: 'POST', path: `/api/v1/namespaces/${bareNamespace}/${kind}`, body });
  const startedMs = performance.now();
  await Promise.all([
    post('persistentvolumeclaims', volumeClaim(worker.environmentId, { ...parts, minBytes: 0 })),
    post('secrets', workerSecret(worker, { ...parts, token: 'none' })),
  ]);
  await post('pods', workerPod(worker, parts));
  return performance.now() - startedMs;
}

/** Does `count` of it, some side by side. */
async function side<T>(count: number, fn: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let left = count;
  const runner = async () => {
    while (left-- > 0) results.push(await fn());
  };
  await Promise.all(Array.from({ length: atOnce }, runner));
  return results;
}
