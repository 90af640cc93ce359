/** What a pod's view says of its worker. Pure: the moment is an argument. */
import { failure } from '@easel/schema/failure';
import type { ObservedWorker } from '../platform.ts';
import { imageProblem, pendingReason, sentence } from './pending-reason.ts';
import type { ClaimView, EventView, PodView } from './views.ts';

/** What a pod waits for is given this long where the node may still mend it by trying again. */
export const hopeMs = 3 * 60_000;

export interface PodSight {
  pod: PodView;
  claim: ClaimView | null;
  events: readonly EventView[];
  /** Since when the node has failed to start the container, in milliseconds; null while it has not. */
  failingForMs: number | null;
}

export function workerState(sight: PodSight): ObservedWorker['state'] {
  const { pod, claim, events } = sight;
  const ended = endOf(pod);
  if (ended) return ended;
  const hasRun = pod.worker?.kind === 'running';
  if (pod.isDeleting) {
    if (!hasRun) return { kind: 'pending', reason: 'The pod was deleted before the worker ran; it is made anew.' };
    return { kind: 'leaving', reason: leavingReason(pod) };
  }
  if (hasRun) return { kind: 'running' };
  return brokenState(sight) ?? { kind: 'pending', reason: pendingReason(pod, claim, events) };
}

/** Says whether the node has tried to start the worker's container, and failed. */
export function isFailing(pod: PodView): boolean {
  if (pod.worker?.kind !== 'waiting') return false;
  return imageProblem(pod, []) !== null || /Error$/.test(pod.worker.reason);
}

function brokenState({ pod, claim, events, failingForMs }: PodSight): ObservedWorker['state'] | null {
  if (claim?.phase === 'Lost') {
    const message = `The volume ${claim.name} has lost its disk: the cluster says that it is gone`;
    return { kind: 'broken', failure: failure({ class: 'volume', message }) };
  }
  if (pod.worker?.kind !== 'waiting' || failingForMs === null) return null;
  const { reason } = pod.worker;
  const isHopeless = reason === 'InvalidImageName' || reason === 'ErrImageNeverPull';
  if (!isHopeless && failingForMs < hopeMs) return null;
  const problem = imageProblem(
    pod,
    events.filter(({ about }) => about === pod.name),
  );
  if (problem) {
    const advice = 'Ask an administrator to check the worker image and the pull secrets of this platform; then retry.';
    return { kind: 'broken', failure: failure({ class: 'image', message: sentence(problem), advice }) };
  }
  const message = sentence(`The node cannot start the worker: ${pod.worker.message || reason}`);
  return { kind: 'broken', failure: failure({ class: 'platform', message }) };
}

/** The kubelet's own reasons to end a pod, or not to take it, that another node may not have. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'Evicted',
  'NodeLost',
  'Preempting',
  'Shutdown',
  'NodeShutdown',
  'Terminated',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfpods',
  'NodeAffinity',
  'UnexpectedAdmissionError',
]);

function endOf(pod: PodView): ObservedWorker['state'] | null {
  const { worker } = pod;
  const isOver = pod.phase === 'Failed' || pod.phase === 'Succeeded' || worker?.kind === 'terminated';
  if (!isOver) return null;
  const disruption = pod.conditions.find(({ type, isTrue }) => type === 'DisruptionTarget' && isTrue);
  const isEvicted = ELSEWHERE.has(pod.reason) || disruption !== undefined || pod.reason.startsWith('OutOf');
  if (isEvicted) {
    const why = pod.message || disruption?.message || pod.reason;
    return { kind: 'ended', reason: half(`the cluster evicted the worker: ${why}`), isEvicted };
  }
  if (worker?.kind !== 'terminated') {
    return { kind: 'ended', reason: half(`the pod ended: ${pod.message || pod.reason || pod.phase}`) };
  }
  if (worker.reason === 'OOMKilled') {
    return { kind: 'ended', reason: 'the worker ran out of memory and was killed (OOMKilled)' };
  }
  const how = worker.signal ? `by signal ${worker.signal}` : `with exit code ${worker.exitCode}`;
  const more = worker.reason && worker.reason !== 'Error' && worker.reason !== 'Completed' ? ` (${worker.reason})` : '';
  return { kind: 'ended', reason: half(`the worker's container ended ${how}${more}`) };
}

function leavingReason(pod: PodView): string {
  const disruption = pod.conditions.find(({ type, isTrue }) => type === 'DisruptionTarget' && isTrue);
  const node = pod.nodeName ? ` of the node ${pod.nodeName}` : '';
  if (disruption) return half(`the cluster takes the pod${node} away: ${disruption.message || disruption.reason}`);
  return `the pod${node} is being deleted: the node is drained, or somebody removed the pod`;
}

function half(text: string): string {
  return sentence(text).slice(0, 480).replace(/\.$/, '');
}
