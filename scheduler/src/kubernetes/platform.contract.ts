/**
 * What the platform `kubernetes` does on any API server: the fake one passes it with every change, a real one where there is a
 * cluster. Pods ask for a node that does not exist, so that nobody runs them.
 */
import { systemClock } from '@easel/kit/clock';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { newId } from '@easel/schema/ids';
import type { PlacementSpec } from '@easel/schema/wire/placement';
import type { KubeConfig } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { PlatformAnswer } from '../api.ts';
import { anySpec } from '../fakes.ts';
import type { RunPlacement } from '../platform.ts';
import { PlatformBusy, PlatformRefusal } from '../refusal.ts';
import { ApiServer } from './api-server.ts';
import { KubernetesPlatform } from './kubernetes-platform.ts';

export interface ContractServer {
  config: KubeConfig;
  /** Empty, and ours. */
  namespace: string;
  close(): Promise<void>;
}

export const nowhere: PlacementSpec = { ...anySpec, nodeSelector: { 'easel.dev/test': 'no-such-node' } };

export function runPlacement(fields: Partial<RunPlacement> = {}): RunPlacement {
  return {
    id: newId('placement'),
    environmentId: newId('environment'),
    environmentName: '"; rm -rf / #',
    workerId: newId('worker'),
    generation: 1,
    wish: 'run',
    state: 'claimed',
    workerToken: 'once',
    leaseExpiresAt: null,
    spec: nowhere,
    ...fields,
  };
}

export function answerOf(fields: Partial<PlatformAnswer> = {}): PlatformAnswer {
  const none = { settings: null, settingsAppliedVersion: null, appliedSettings: null };
  return { id: newId('platform'), settingsVersion: 0, ...none, ...fields };
}

/** A platform that has begun. Ends with the signal. */
export async function openPlatform(
  server: { config: KubeConfig; namespace: string },
  parts: { signal: AbortSignal; answer?: PlatformAnswer; limitMs?: number },
): Promise<{ platform: KubernetesPlatform; api: ApiServer }> {
  const { signal, answer = answerOf(), limitMs = 10_000 } = parts;
  const api = new ApiServer({ config: server.config, clock: systemClock, signal, limitMs });
  const platform = new KubernetesPlatform({
    api,
    namespace: server.namespace,
    surroundings: { workerImage: 'easel-worker:none', serverUrl: 'http://server.invalid', logLevel: 'info' },
    log: silentLog,
    clock: systemClock,
    metrics: createMetrics('test'),
    signal,
  });
  await platform.state();
  await platform.adopt(answer);
  await platform.synced();
  return { platform, api };
}

/** To be called within a `describe`. */
export function platformContract(open: () => Promise<ContractServer>): void {
  const waiting = { timeout: 20_000, interval: 50 };
  let server: ContractServer;
  let stopping: AbortController;
  let platform: KubernetesPlatform;
  let api: ApiServer;
  const answer = answerOf();

  beforeAll(async () => {
    server = await open();
  }, 60_000);
  afterAll(async () => {
    await server.close();
  }, 60_000);
  beforeEach(async () => {
    stopping = new AbortController();
    ({ platform, api } = await openPlatform(server, { signal: stopping.signal, answer }));
  });
  afterEach(async () => {
    for (const id of await platform.traces()) await platform.erase(id);
    stopping.abort();
    await platform.ended();
  });

  const names = async (kind: string): Promise<string[]> => {
    const path = `/api/v1/namespaces/${server.namespace}/${kind}`;
    const query = { labelSelector: 'app.kubernetes.io/managed-by=easel' };
    const { items } = (await api.call({ path, query })) as { items: { metadata: { name: string } }[] };
    return items.map(({ metadata }) => metadata.name);
  };
  const stateOf = (run: RunPlacement) => platform.observe().get(run.environmentId)?.state;

  test('a start makes volume, secret and pod, named from ids, and again makes nothing more', async () => {
    const run = runPlacement();
    await platform.start(run);
    expect(platform.observe().get(run.environmentId)).toMatchObject({ workerId: run.workerId, generation: 1 });
    await platform.start(run);
    expect(await names('persistentvolumeclaims')).toEqual([run.environmentId]);
    expect(await names('secrets')).toEqual([run.workerId]);
    expect(await names('pods')).toEqual([run.workerId]);
    expect(stateOf(run)).toMatchObject({ kind: 'pending' });
  });

  test('an end takes pod and secret and keeps the volume, which the next worker uses; an erase takes that, too', async () => {
    const first = runPlacement();
    await platform.start(first);
    await platform.end(first.environmentId);
    expect(stateOf(first)).toBeUndefined();
    expect([await names('pods'), await names('secrets')]).toEqual([[], []]);
    expect(await names('persistentvolumeclaims')).toEqual([first.environmentId]);
    const second = runPlacement({ environmentId: first.environmentId, generation: 2 });
    await platform.start(second);
    expect(await names('pods')).toEqual([second.workerId]);
    await platform.erase(first.environmentId);
    await platform.erase(first.environmentId);
    for (const kind of ['pods', 'secrets', 'persistentvolumeclaims']) expect(await names(kind)).toEqual([]);
    expect(await platform.traces()).toEqual([]);
  });

  test('there are never two pods on a volume', async () => {
    const first = runPlacement();
    await platform.start(first);
    const second = runPlacement({ environmentId: first.environmentId, generation: 2 });
    await expect(platform.start(second)).rejects.toBeInstanceOf(PlatformBusy);
    expect(await names('pods')).toEqual([first.workerId]);
  });

  test('two schedulers at once make one pod', async () => {
    const other = await openPlatform(server, { signal: stopping.signal, answer });
    const run = runPlacement();
    await Promise.all([platform.start(run), other.platform.start(run)]);
    expect(await names('pods')).toEqual([run.workerId]);
    expect(other.platform.observe().get(run.environmentId)?.workerId).toBe(run.workerId);
  });

  test('a pod or volume of the same name that is not ours is not taken for ours', async () => {
    const path = `/api/v1/namespaces/${server.namespace}/persistentvolumeclaims`;
    const run = runPlacement();
    const metadata = { name: run.environmentId };
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    await api.call({
      method: 'POST',
      path,
      body: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec },
    });
    try {
      await expect(platform.start(run)).rejects.toBeInstanceOf(PlatformRefusal);
      expect(await names('pods')).toEqual([]);
    } finally {
      await api.call({ method: 'DELETE', path: `${path}/${run.environmentId}` });
      await platform.end(run.environmentId);
    }
  });

  test('another platform in the same namespace is left alone', async () => {
    const run = runPlacement();
    await platform.start(run);
    const other = await openPlatform(server, { signal: stopping.signal });
    expect(await other.platform.traces()).toEqual([]);
    await other.platform.end(run.environmentId);
    expect(await names('pods')).toEqual([run.workerId]);
    expect(await names('secrets')).toEqual([run.workerId]);
  });

  test('a restarted scheduler sees what an earlier one made', async () => {
    const run = runPlacement();
    await platform.start(run);
    const later = await openPlatform(server, { signal: stopping.signal, answer });
    await later.platform.start(run);
    expect(later.platform.observe().get(run.environmentId)?.workerId).toBe(run.workerId);
    expect(await names('pods')).toEqual([run.workerId]);
  });

  test('a pod that somebody deletes is seen to be gone', async () => {
    const run = runPlacement();
    await platform.start(run);
    await api.call({ method: 'DELETE', path: `/api/v1/namespaces/${server.namespace}/pods/${run.workerId}` });
    await vi.waitFor(() => expect(stateOf(run)).toBeUndefined(), waiting);
  });

  test('settings are tried out: what the cluster refuses is told and not used', async () => {
    const id = answer.id;
    await platform.adopt({ ...answer, settingsVersion: 1, settings: { labels: { team: 'red' } } });
    expect((await platform.state()).cluster).toMatchObject({ settingsVersion: 1, settingsProblem: null });
    for (const [version, settings, problem] of [
      [2, { runtimeClass: 'missing' }, /missing|RuntimeClass/],
      [3, { podTemplate: 'spec: {restartPolicy: Always}' }, /restartPolicy/],
      [4, { podTemplate: 'a: [' }, /YAML/],
      [5, { storageClass: 'nowhere' }, /storage class "nowhere"/],
      [6, { surprise: true }, /surprise/],
    ] as const) {
      expect(await platform.adopt({ ...answer, id, settingsVersion: version, settings })).toBe(true);
      const { cluster } = await platform.state();
      expect(cluster?.settingsVersion).toBe(1);
      expect(cluster?.settingsProblem).toMatch(problem);
    }
    await platform.adopt({ ...answer, settingsVersion: 7, settings: {} });
    expect((await platform.state()).cluster).toMatchObject({ settingsVersion: 7, settingsProblem: null });
    expect(await names('pods')).toEqual([]);
  });

  test('it says what the cluster is and can, and that nothing is missing', async () => {
    const { cluster, notice } = await platform.state();
    expect(cluster?.clusterVersion).toMatch(/^v\d/);
    expect(cluster?.storageClasses.filter(({ isDefault }) => isDefault)).toHaveLength(1);
    expect([cluster?.problems, notice]).toEqual([[], null]);
    for (const feature of Object.values(cluster?.features ?? {})) {
      expect(feature.isAvailable).toBe(feature.reason === null);
    }
  });
}
