/** Why a pod does not run yet, in one sentence: from its conditions and from what the cluster's parts said in Events. Pure. */
import type { ClaimView, EventView, PodView } from './views.ts';

/**
 * What the scheduler of Kubernetes says of nodes, and what a person understands. Its words, of all versions from 1.20 on:
 * github.com/kubernetes/kubernetes, pkg/scheduler/framework/plugins.
 */
const OBSTACLES: readonly (readonly [RegExp, string])[] = [
  [/Insufficient cpu/i, 'not enough free CPU'],
  [/Insufficient memory/i, 'not enough free memory'],
  [/Insufficient (\S*gpu[^\s.,]*)/i, 'no free GPU ($1)'],
  [/Insufficient ephemeral-storage/i, 'not enough free local disk'],
  [/Insufficient (\S*[^\s.,])/i, 'not enough $1'],
  [/Too many pods/i, 'as many pods as it may have'],
  [/taints? \{([^}:]+)[^}]*\}/i, 'a taint that is not tolerated ($1)'],
  [/had (?:un)?tolerated taint|had taints? that/i, 'a taint that is not tolerated'],
  [/volume node affinity conflict/i, 'the volume in another zone'],
  [/(?:match (?:Pod's )?node (?:affinity|selector))/i, 'not the wanted labels or zone'],
  [/unschedulable/i, 'been closed for new pods'],
  [/exceed max volume count/i, 'as many volumes as it may have'],
  [/didn't find available persistent volumes/i, 'no volume to be had'],
  [/not enough free storage/i, 'not enough room for the volume'],
];

export function pendingReason(pod: PodView, claim: ClaimView | null, events: readonly EventView[]): string {
  const scheduled = pod.conditions.find(({ type }) => type === 'PodScheduled');
  if (pod.nodeName) return ofNode(pod, events);
  if (claim && claim.phase === 'Pending') {
    const problem = latest(about(events, claim.name), 'ProvisioningFailed');
    if (problem) return sentence(`The volume cannot be made yet: ${problem.message}`);
  }
  const said = scheduled?.message || latest(about(events, pod.name), 'FailedScheduling')?.message;
  if (!said) return 'The cluster is looking for a node.';
  return sentence(noRoom(said) + autoscaler(about(events, pod.name)));
}

/** `0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had taint {a: b}, that the pod didn't tolerate.` */
function noRoom(said: string): string {
  if (/persistentvolumeclaim "[^"]*" (?:not found|is being deleted)/i.test(said)) {
    return 'The volume of this environment is not there';
  }
  if (/unbound immediate PersistentVolumeClaims/i.test(said)) return 'The volume is not made yet';
  const [, all, list = ''] = /^\d+\/(\d+) nodes are available:?(.*)$/s.exec(said) ?? [];
  if (all === undefined) return `The cluster has no room: ${said}`;
  if (all === '0') return 'The cluster has no node';
  // What preemption could not do is no news.
  const parts = (list.split(/\bpreemption:/)[0] ?? '')
    .split(/,\s*(?=\d)|\.\s*(?=\d)/)
    .flatMap((part) => obstacle(part, all));
  if (parts.length === 0) return `The cluster has no room: ${said}`;
  return `No node has room: ${[...new Set(parts)].join('; ')}`;
}

function obstacle(part: string, all: string): string[] {
  const count = /^\s*(\d+)/.exec(part)?.[1];
  for (const [pattern, words] of OBSTACLES) {
    const match = pattern.exec(part);
    if (!match) continue;
    const what = words.replace('$1', match[1] ?? '');
    return [count === undefined ? what : `${count} of ${all} ${count === '1' ? 'has' : 'have'} ${what}`];
  }
  return [];
}

function autoscaler(events: readonly EventView[]): string {
  const up = latest(events, 'TriggeredScaleUp');
  const not = latest(events, 'NotTriggerScaleUp');
  if (up && (!not || up.atMs >= not.atMs)) return '; the autoscaler is adding a node';
  return not ? '; the autoscaler cannot help' : '';
}

/** It has a node: what the kubelet is at. */
function ofNode(pod: PodView, events: readonly EventView[]): string {
  const own = about(events, pod.name);
  const pull = imageProblem(pod, own);
  if (pull) return sentence(pull);
  if (pod.worker?.kind === 'waiting' && /^Create|^RunContainerError/.test(pod.worker.reason)) {
    return sentence(`The node cannot start the worker yet: ${pod.worker.message || pod.worker.reason}`);
  }
  const last = [...own].sort((a, b) => b.atMs - a.atMs)[0];
  switch (last?.reason) {
    case 'FailedMount':
    case 'FailedMapVolume':
    case 'FailedAttachVolume':
      return sentence(`The volume cannot be attached yet: ${last.message}`);
    case 'FailedCreatePodSandBox':
      return sentence(`The node cannot set up the pod yet: ${last.message}`);
    case 'Pulling':
      return 'The node is pulling the worker image.';
    default:
      return 'The node is setting up the pod.';
  }
}

/** Half a sentence when the worker's image cannot be pulled, else null. `events`: about the pod. */
export function imageProblem(pod: PodView, events: readonly EventView[]): string | null {
  if (pod.worker?.kind !== 'waiting' || !imageReasons.has(pod.worker.reason)) return null;
  const { reason, message, image } = pod.worker;
  // While the node waits for its next try it says only that it waits; what went wrong is in the Event.
  const failed = events.filter((event) => event.reason === 'Failed' && /pull/i.test(event.message));
  const cause = reason === 'ImagePullBackOff' ? latest(failed, 'Failed')?.message : undefined;
  return `The worker image ${image} cannot be pulled: ${shortPull(cause ?? message) || reason}`;
}

/** Without what the container runtime wraps around the registry's own words. */
function shortPull(message: string): string {
  return message
    .replace(/^Failed to pull image "[^"]*": /, '')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/^(?:failed to pull and unpack image|failed to resolve reference) "[^"]*": /, '')
    .replace(/^failed to resolve (?:reference|image) "[^"]*": /, '');
}

const imageReasons: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
]);

function about(events: readonly EventView[], name: string): EventView[] {
  return events.filter((event) => event.about === name);
}

export function latest(events: readonly EventView[], reason: string): EventView | undefined {
  return events.filter((event) => event.reason === reason).sort((a, b) => b.atMs - a.atMs)[0];
}

/** At most what an observation carries, with a full stop. */
export function sentence(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const short = line.length > 480 ? `${line.slice(0, 479)}…` : line;
  return /[.…]$/.test(short) ? short : `${short}.`;
}
