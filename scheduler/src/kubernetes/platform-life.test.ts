/** The platform `kubernetes` on the fake API server: what only happens where pods run, and faults. */
import { fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { newId } from '@easel/schema/ids';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { anySpec } from '../fakes.ts';
import type { RunPlacement } from '../platform.ts';
import { PlatformBusy, PlatformRefusal } from '../refusal.ts';
import { ApiServer } from './api-server.ts';
import { FakeApiServer } from './fake-api-server.kit.ts';
import { KubernetesPlatform } from './kubernetes-platform.ts';
import { answerOf, openPlatform, runPlacement } from './platform.contract.ts';

let fake: FakeApiServer;
let stopping: AbortController;
let platform: KubernetesPlatform;

beforeEach(async () => {
  fake = new FakeApiServer();
  await fake.listen();
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await platform.ended();
  await fake.close();
});

const answer = answerOf();
const waiting = { timeout: 10_000, interval: 20 };
const where = () => ({ config: fake.kubeConfig(), namespace: 'easel' });

async function begin(limitMs = 10_000): Promise<void> {
  ({ platform } = await openPlatform(where(), { signal: stopping.signal, answer, limitMs }));
}

async function started(): Promise<RunPlacement> {
  const run = runPlacement();
  await platform.start(run);
  return run;
}

const kindOf = (run: RunPlacement) => platform.observe().get(run.environmentId)?.state.kind;
const becomes = (run: RunPlacement, kind: string | undefined) =>
  vi.waitFor(() => expect(kindOf(run)).toBe(kind), waiting);
const running = { phase: 'Running', containerStatuses: [{ name: 'worker', image: 'w', state: { running: {} } }] };

/** The pod gets a node, as the cluster would give it one. */
function schedule(run: RunPlacement): void {
  fake.change('pods', run.workerId, { spec: { nodeName: 'node1' } });
}

describe('the life of a pod', () => {
  beforeEach(() => begin());

  test('no room, with the reason; a node; pulling; running', async () => {
    const run = await started();
    const message = '0/3 nodes are available: 3 Insufficient cpu.';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    fake.change('pods', run.workerId, { status: { phase: 'Pending', conditions } });
    const state = () => platform.observe().get(run.environmentId)?.state;
    await vi.waitFor(
      () => expect(state()).toEqual({ kind: 'pending', reason: 'No node has room: 3 of 3 have not enough free CPU.' }),
      waiting,
    );
    schedule(run);
    fake.put('/api/v1/namespaces/easel/events', {
      metadata: { name: 'e1' },
      involvedObject: { kind: 'Pod', name: run.workerId },
      reason: 'Pulling',
      message: 'Pulling image "w"',
      lastTimestamp: '2026-01-01T00:00:00Z',
    });
    await vi.waitFor(
      () => expect(state()).toEqual({ kind: 'pending', reason: 'The node is pulling the worker image.' }),
      waiting,
    );
    fake.change('pods', run.workerId, { status: running });
    await becomes(run, 'running');
  });

  test('a drained pod leaves, then is gone, and its environment is not started beside it', async () => {
    const run = await started();
    schedule(run);
    fake.change('pods', run.workerId, { status: running });
    await becomes(run, 'running');
    await fetch(`${fake.kubeConfig().getCurrentCluster()?.server}/api/v1/namespaces/easel/pods/${run.workerId}`, {
      method: 'DELETE',
    });
    await becomes(run, 'leaving');
    const next = runPlacement({ environmentId: run.environmentId, generation: 2 });
    await expect(platform.start(next)).rejects.toBeInstanceOf(PlatformBusy);
    fake.finish('pods', run.workerId);
    await becomes(run, undefined);
    await platform.start(next);
    expect(platform.observe().get(run.environmentId)?.workerId).toBe(next.workerId);
  });

  test('an end waits until the node says that the pod is gone', async () => {
    const run = await started();
    schedule(run);
    fake.change('pods', run.workerId, { status: running });
    await becomes(run, 'running');
    let isOver = false;
    const end = platform.end(run.environmentId).then(() => {
      isOver = true;
    });
    await vi.waitFor(() => expect(fake.all('pods')[0]?.metadata.deletionTimestamp).toBeDefined(), waiting);
    expect([isOver, fake.all('secrets')]).toEqual([false, [expect.anything()]]);
    fake.finish('pods', run.workerId);
    await end;
    expect(fake.all('secrets')).toEqual([]);
  });

  test('evicted by the node: ended, and said to be evicted', async () => {
    const run = await started();
    schedule(run);
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    fake.change('pods', run.workerId, { status });
    await becomes(run, 'ended');
    expect(platform.observe().get(run.environmentId)?.state).toMatchObject({ isEvicted: true });
  });

  test('a volume grows when more is wanted, and says where the class does not let it', async () => {
    const run = await started();
    const volume = () => platform.observe().get(run.environmentId)?.volume;
    const change = (storageClassName: string, storage: string, capacity: string) =>
      fake.change('persistentvolumeclaims', run.environmentId, {
        spec: { storageClassName, resources: { requests: { storage } } },
        status: { phase: 'Bound', capacity: { storage: capacity } },
      });
    await expect(platform.grow(run.environmentId, 2 * 1024 ** 3)).rejects.toBeInstanceOf(PlatformBusy);
    change('standard', '1Gi', '1Gi');
    await vi.waitFor(() => expect(volume()?.capacityBytes).toBe(1024 ** 3), waiting);
    await platform.grow(run.environmentId, 2 * 1024 ** 3);
    await vi.waitFor(
      () =>
        expect(volume()).toMatchObject({
          requestedBytes: 2 * 1024 ** 3,
          problem: 'The cluster is growing the volume.',
        }),
      waiting,
    );
    change('standard', '2Gi', '2Gi');
    await vi.waitFor(() => expect(volume()).toMatchObject({ capacityBytes: 2 * 1024 ** 3, problem: null }), waiting);
    change('fixed', '2Gi', '3Gi');
    await vi.waitFor(() => expect(volume()?.capacityBytes).toBe(3 * 1024 ** 3), waiting);
    await platform.grow(run.environmentId, 3 * 1024 ** 3);
    expect(volume()?.problem).toMatch(/"fixed" does not let volumes grow/);
    expect(volume()?.requestedBytes).toBe(3 * 1024 ** 3);
  });
});

describe('snapshots', () => {
  beforeEach(() => begin());

  test('taken, cut, ready, restored from, deleted', async () => {
    const run = await started();
    const id = newId('snapshot');
    const seen = () => platform.snapshots.observe(id);
    await vi.waitFor(() => expect(seen()).toBeNull(), waiting);
    await platform.snapshots.take(id, run.environmentId);
    await platform.snapshots.take(id, run.environmentId);
    expect(fake.all('volumesnapshots')).toMatchObject([
      {
        metadata: { name: id },
        spec: {
          volumeSnapshotClassName: 'standard-snapshots',
          source: { persistentVolumeClaimName: run.environmentId },
        },
      },
    ]);
    const creationTime = '2026-01-01T00:00:00Z';
    fake.change('volumesnapshots', id, { status: { creationTime } });
    await vi.waitFor(() => expect(seen()).toMatchObject({ kind: 'taking', isCut: true }), waiting);
    const early = runPlacement({ spec: { ...anySpec, restoreFrom: id } });
    await expect(platform.start(early)).rejects.toBeInstanceOf(PlatformBusy);
    fake.change('volumesnapshots', id, { status: { creationTime, readyToUse: true, restoreSize: '5Gi' } });
    await vi.waitFor(() => expect(seen()).toEqual({ kind: 'ready', sizeBytes: 5 * 1024 ** 3 }), waiting);
    await platform.start(early);
    const restored = fake.all('persistentvolumeclaims').find(({ metadata }) => metadata.name === early.environmentId);
    expect(restored).toMatchObject({
      spec: {
        dataSource: { kind: 'VolumeSnapshot', name: id },
        resources: { requests: { storage: String(5 * 1024 ** 3) } },
      },
    });
    await platform.erase(run.environmentId);
    expect(seen()).toMatchObject({ kind: 'ready' });
    await platform.snapshots.remove(id);
    await platform.snapshots.remove(id);
    expect(seen()).toBeNull();
  });

  test('a snapshot that is not there restores nothing', async () => {
    const run = runPlacement({ spec: { ...anySpec, restoreFrom: newId('snapshot') } });
    await vi.waitFor(() => expect(platform.start(run)).rejects.toBeInstanceOf(PlatformRefusal), waiting);
    expect(fake.all('persistentvolumeclaims')).toEqual([]);
  });
});

test('a cluster without snapshots says so, and refuses to take one', async () => {
  fake.servesSnapshots = false;
  await begin();
  const { cluster } = await platform.state();
  expect(cluster?.features.snapshots).toMatchObject({ isAvailable: false, reason: expect.stringContaining('CRDs') });
  await expect(platform.snapshots.take(newId('snapshot'), newId('environment'))).rejects.toThrow('CRDs');
});

test('missing rights are named', async () => {
  fake.forbidden.add('create pods').add('patch persistentvolumeclaims');
  await begin();
  expect((await platform.state()).cluster?.problems).toEqual([
    'The scheduler may not create pods in the namespace easel: add the right to its Role.',
    'The scheduler may not patch persistentvolumeclaims in the namespace easel: add the right to its Role.',
  ]);
});

test('after a restart with refused settings those that were in force before are', async () => {
  const bad = { settingsVersion: 5, settings: { runtimeClass: 'missing' } };
  const good = { settingsAppliedVersion: 3, appliedSettings: { labels: { team: 'red' } } };
  ({ platform } = await openPlatform(where(), { signal: stopping.signal, answer: { ...answer, ...bad, ...good } }));
  const { cluster } = await platform.state();
  expect(cluster?.settingsVersion).toBe(3);
  expect(cluster?.settingsProblem).toMatch(
    /^Version 5 of the settings is refused, version 3 is in force: .*RuntimeClass/,
  );
  await started();
  expect(fake.all('pods')[0]?.metadata.labels?.team).toBe('red');
});

describe('faults of the API server', () => {
  test('429 and 503 are waited for as long as the server says', async () => {
    await begin();
    fake.faults.push({ method: 'POST', path: /pods$/, status: 429, retryAfterSeconds: 1, times: 1 });
    fake.faults.push({ method: 'POST', path: /secrets$/, status: 503, retryAfterSeconds: 1, times: 1 });
    const startedMs = performance.now();
    const run = await started();
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    expect(kindOf(run)).toBe('pending');
  });

  test('a write that was done though its answer was lost is found by its name', async () => {
    await begin();
    const lost = { method: 'POST', status: 500, isDone: true, times: 1 };
    fake.faults.push({ ...lost, path: /pods$/ }, { ...lost, path: /persistentvolumeclaims$/ });
    const run = runPlacement();
    for (let tries = 0; tries < 3; tries++) await platform.start(run).catch(() => undefined);
    expect(kindOf(run)).toBe('pending');
    expect([fake.all('pods').length, fake.all('persistentvolumeclaims').length]).toEqual([1, 1]);
  });

  test('500 and 409 Conflict are trouble, to be tried again; 422 is the end of it', async () => {
    await begin();
    for (const [status, reason] of [
      [500, 'InternalError'],
      [409, 'Conflict'],
    ] as const) {
      fake.faults.push({ method: 'POST', path: /pods$/, status, reason, times: 1 });
      const run = runPlacement();
      await expect(platform.start(run)).rejects.not.toBeInstanceOf(PlatformRefusal);
      await platform.start(run);
      expect(kindOf(run)).toBe('pending');
    }
    fake.faults.push({ method: 'POST', path: /pods$/, status: 422, reason: 'Invalid', times: 1 });
    await expect(platform.start(runPlacement())).rejects.toBeInstanceOf(PlatformRefusal);
  });

  test('410: it lists again and misses nothing, not even an end', async () => {
    await begin();
    const run = await started();
    const other = await started();
    fake.breakWatches();
    fake.finish('pods', run.workerId);
    fake.expire();
    await becomes(run, undefined);
    expect(kindOf(other)).toBe('pending');
  });

  test('a list that is older than what is known is not taken', async () => {
    await begin();
    await started();
    fake.keepForStaleList('pods');
    const late = await started();
    fake.expire();
    await vi.waitFor(() => expect(fake.calls.filter((call) => call === 'GET pods').length).toBeGreaterThan(3), waiting);
    expect(kindOf(late)).toBe('pending');
  });

  test('a watch that stalls is given up after its time', async () => {
    const clock = fakeClock();
    fake.isStalled = true;
    const { signal } = stopping;
    const api = new ApiServer({ config: fake.kubeConfig(), clock, signal });
    const common = { namespace: 'easel', log: silentLog, clock, metrics: createMetrics('test'), signal };
    const surroundings = { workerImage: 'w', serverUrl: 'http://server.invalid', logLevel: 'info' };
    platform = new KubernetesPlatform({ api, surroundings, ...common });
    await platform.state();
    await platform.adopt(answer);
    await platform.synced();
    const run = await started();
    fake.finish('pods', run.workerId);
    fake.isStalled = false;
    expect(kindOf(run)).toBe('pending');
    // The watch is dead; an expired history makes the next one list.
    await vi.waitFor(async () => {
      await clock.advance(80_000);
      fake.expire();
      expect(kindOf(run)).toBeUndefined();
    }, waiting);
  });
});
