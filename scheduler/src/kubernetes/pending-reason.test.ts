import { newId } from '@easel/schema/ids';
import { describe, expect, test } from 'vitest';
import { PlatformBusy, PlatformRefusal } from '../refusal.ts';
import { KubernetesError } from './api-error.ts';
import { explainCreate } from './explain.ts';
import { pendingReason } from './pending-reason.ts';
import { hopeMs, workerState } from './pod-state.ts';
import { readQuantity } from './quantity.ts';
import type { ClaimView, EventView, PodView } from './views.ts';

const environmentId = newId('environment');
const workerId = newId('worker');

function pod(fields: Partial<PodView> = {}): PodView {
  return {
    name: workerId,
    uid: 'u',
    version: '1',
    environmentId,
    workerId,
    generation: 1,
    phase: 'Pending',
    reason: '',
    message: '',
    nodeName: null,
    isDeleting: false,
    conditions: [],
    worker: null,
    ...fields,
  };
}
const claim: ClaimView = {
  name: environmentId,
  uid: 'c',
  version: '1',
  environmentId,
  phase: 'Pending',
  isDeleting: false,
  storageClass: 'standard',
  requestedBytes: 1,
  capacityBytes: 0,
  conditions: [],
};
let count = 0;
const event = (reason: string, message = '', about: string = workerId): EventView => {
  const atMs = ++count;
  return { name: `e${atMs}`, uid: `e${atMs}`, version: '1', about, reason, message, atMs };
};
const unschedulable = (message: string): PodView =>
  pod({ conditions: [{ type: 'PodScheduled', isTrue: false, reason: 'Unschedulable', message }] });
const waiting = (reason: string, message = ''): PodView =>
  pod({ nodeName: 'node1', worker: { kind: 'waiting', reason, message, image: 'worker:1' } });

describe('why a pod waits, in one sentence', () => {
  test.each([
    ['0/3 nodes are available: 3 Insufficient cpu.', 'No node has room: 3 of 3 have not enough free CPU.'],
    [
      "0/5 nodes are available: 1 Insufficient memory, 2 Insufficient nvidia.com/gpu, 2 node(s) had taint {easel: }, that the pod didn't tolerate.",
      'No node has room: 1 of 5 has not enough free memory; 2 of 5 have no free GPU (nvidia.com/gpu); 2 of 5 have a taint that is not tolerated (easel).',
    ],
    [
      "0/4 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
      'No node has room: 1 of 4 has a taint that is not tolerated (node.kubernetes.io/unreachable); 3 of 4 have not the wanted labels or zone.',
    ],
    [
      '0/2 nodes are available: 2 node(s) had volume node affinity conflict.',
      'No node has room: 2 of 2 have the volume in another zone.',
    ],
    [
      '0/1 nodes are available: 1 node(s) were unschedulable.',
      'No node has room: 1 of 1 has been closed for new pods.',
    ],
    ['0/1 nodes are available: 1 Too many pods.', 'No node has room: 1 of 1 has as many pods as it may have.'],
    ['pod has unbound immediate PersistentVolumeClaims', 'The volume is not made yet.'],
    ['no nodes available to schedule pods', 'The cluster has no room: no nodes available to schedule pods.'],
  ])('%s', (said, told) => {
    expect(pendingReason(unschedulable(said), null, [])).toBe(told);
  });

  test('the autoscaler at work, and the autoscaler that cannot help', () => {
    const full = unschedulable('0/3 nodes are available: 3 Insufficient cpu.');
    const not = event('NotTriggerScaleUp', "pod didn't trigger scale-up: 1 max node group size reached");
    expect(pendingReason(full, null, [not])).toMatch(/; the autoscaler cannot help\.$/);
    expect(pendingReason(full, null, [not, event('TriggeredScaleUp')])).toMatch(/; the autoscaler is adding a node\.$/);
  });

  test('a volume that cannot be made goes before the pod that waits for it', () => {
    const said = unschedulable('0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.');
    const failed = event('ProvisioningFailed', 'the quota of the disks is used up', environmentId);
    expect(pendingReason(said, claim, [failed])).toBe(
      'The volume cannot be made yet: the quota of the disks is used up.',
    );
  });

  test('on its node: pulling, attaching, the image that is not there', () => {
    const setting = waiting('ContainerCreating');
    expect(pendingReason(setting, null, [])).toBe('The node is setting up the pod.');
    expect(pendingReason(setting, null, [event('Pulling')])).toBe('The node is pulling the worker image.');
    expect(pendingReason(setting, null, [event('FailedMount', 'secret "registry" not found')])).toBe(
      'The volume cannot be attached yet: secret "registry" not found.',
    );
    const failed = event('Failed', 'Failed to pull image "worker:1": rpc error: code = NotFound desc = no such tag');
    expect(pendingReason(waiting('ImagePullBackOff', 'Back-off pulling image'), null, [failed])).toBe(
      'The worker image worker:1 cannot be pulled: no such tag.',
    );
  });

  test('whatever a cluster says, it is one line that fits', () => {
    const said = pendingReason(unschedulable(`${'x\n'.repeat(5000)}`), null, []);
    expect(said.length).toBeLessThanOrEqual(500);
    expect(said).not.toContain('\n');
  });
});

describe('what becomes of a worker', () => {
  const state = (view: PodView, failingForMs: number | null = null, volume: ClaimView | null = null) =>
    workerState({ pod: view, claim: volume, events: [], failingForMs });
  const terminated = (fields: { exitCode: number; reason?: string; signal?: number }): PodView =>
    pod({
      phase: 'Failed',
      nodeName: 'node1',
      worker: { kind: 'terminated', signal: null, reason: '', message: '', ...fields },
    });

  test('an image that cannot be pulled is hoped for, then given up; a name that is none is given up at once', () => {
    expect(state(waiting('ErrImagePull', 'no'), hopeMs - 1).kind).toBe('pending');
    expect(state(waiting('ErrImagePull', 'no'), hopeMs)).toMatchObject({ kind: 'broken', failure: { class: 'image' } });
    expect(state(waiting('InvalidImageName', 'no'), 0)).toMatchObject({ kind: 'broken', failure: { class: 'image' } });
  });

  test('a volume whose disk is gone is given up', () => {
    expect(state(pod(), null, { ...claim, phase: 'Lost' })).toMatchObject({ failure: { class: 'volume' } });
  });

  test.each([
    [terminated({ exitCode: 1 }), "the worker's container ended with exit code 1"],
    [terminated({ exitCode: 137, signal: 9 }), "the worker's container ended by signal 9"],
    [terminated({ exitCode: 137, reason: 'OOMKilled' }), 'the worker ran out of memory and was killed (OOMKilled)'],
    [pod({ phase: 'Failed', reason: 'DeadlineExceeded' }), 'the pod ended: DeadlineExceeded'],
  ])('an end has its reason', (view, reason) => {
    expect(state(view)).toEqual({ kind: 'ended', reason });
  });

  test('evicted, shut down, rejected by the kubelet or disrupted: to be started elsewhere', () => {
    for (const reason of ['Evicted', 'NodeLost', 'Shutdown', 'OutOfcpu', 'OutOfnvidia.com/gpu']) {
      expect(state(pod({ phase: 'Failed', reason }))).toMatchObject({ kind: 'ended', isEvicted: true });
    }
    const disrupted = { type: 'DisruptionTarget', isTrue: true, reason: 'EvictionByEvictionAPI', message: 'drained' };
    expect(state(pod({ phase: 'Failed', conditions: [disrupted] }))).toMatchObject({ isEvicted: true });
    const running = pod({ nodeName: 'node1', phase: 'Running', worker: { kind: 'running' }, conditions: [disrupted] });
    expect(state(running)).toEqual({ kind: 'running' });
    expect(state({ ...running, isDeleting: true })).toEqual({
      kind: 'leaving',
      reason: 'the cluster takes the pod of the node node1 away: drained',
    });
  });
});

describe('a refusal of the cluster', () => {
  const error = (status: number, reason: string, message: string) => new KubernetesError({ status, reason, message });
  const quota = (requested: string) =>
    error(
      403,
      'Forbidden',
      `pods "w" is forbidden: exceeded quota: small, requested: limits.memory=${requested}, used: limits.memory=9Gi, limited: limits.memory=10Gi`,
    );

  test('a quota that others use up is waited for; one that is too small is not', () => {
    expect(explainCreate(quota('2Gi'), 'pod')).toBeInstanceOf(PlatformBusy);
    expect(explainCreate(quota('20Gi'), 'pod')).toBeInstanceOf(PlatformRefusal);
  });

  test('what a retry may mend is left as it is', () => {
    for (const err of [
      error(500, '', ''),
      error(0, 'Unreachable', ''),
      error(409, 'Conflict', ''),
      error(401, '', ''),
    ]) {
      expect(explainCreate(err, 'pod')).toBe(err);
    }
  });

  test('what it does not mend has a class', () => {
    expect(explainCreate(error(422, 'Invalid', 'too large'), 'volume')).toMatchObject({ failure: { class: 'volume' } });
    expect(explainCreate(error(403, 'Forbidden', 'no'), 'pod')).toMatchObject({ failure: { class: 'platform' } });
  });
});

test('quantities are read as Kubernetes writes them', () => {
  const read = ['1Gi', '500m', '2e3', '1.5k', '0', '10', 'x', '', '1Gib', '-1'].map(readQuantity);
  expect(read).toEqual([2 ** 30, 0.5, 2000, 1500, 0, 10, null, null, null, -1]);
});
