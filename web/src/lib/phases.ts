/** How a phase looks: a colour, an icon and what may be done in it. The words are in texts.ts. */
import type { EnvironmentPhase } from '@easel/schema/states/environment';

export type Tone = 'running' | 'working' | 'waiting' | 'failed' | 'idle';
export type PhaseGroup = 'running' | 'underway' | 'attention' | 'stopped';

export const PHASE_TONE: Record<EnvironmentPhase, Tone> = {
  queued: 'working',
  provisioning: 'working',
  starting: 'working',
  running: 'running',
  interrupted: 'waiting',
  stopping: 'waiting',
  stopped: 'idle',
  archived: 'idle',
  failed: 'failed',
  deleting: 'waiting',
  deleted: 'idle',
};

/** What the filter of the list calls it. */
export const PHASE_GROUP: Record<EnvironmentPhase, PhaseGroup> = {
  queued: 'underway',
  provisioning: 'underway',
  starting: 'underway',
  running: 'running',
  interrupted: 'attention',
  stopping: 'underway',
  stopped: 'stopped',
  archived: 'stopped',
  failed: 'attention',
  deleting: 'underway',
  deleted: 'stopped',
};
export const PHASE_GROUPS: readonly PhaseGroup[] = ['running', 'underway', 'attention', 'stopped'];

/** Phases that move on by themselves: shown with a moving sign and a running clock. */
export const isUnderWay = (phase: EnvironmentPhase): boolean => PHASE_GROUP[phase] === 'underway';

const MAY_START: ReadonlySet<EnvironmentPhase> = new Set(['stopped', 'archived', 'failed']);
const MAY_STOP: ReadonlySet<EnvironmentPhase> = new Set([
  'queued',
  'provisioning',
  'starting',
  'running',
  'interrupted',
]);

export const mayStart = (phase: EnvironmentPhase): boolean => MAY_START.has(phase);
export const mayStop = (phase: EnvironmentPhase): boolean => MAY_STOP.has(phase);
export const mayDelete = (phase: EnvironmentPhase): boolean => phase !== 'deleting' && phase !== 'deleted';

/** Something happens inside or may: SSH sessions, ports and resource use mean something. */
export const isUp = (phase: EnvironmentPhase): boolean => phase === 'running' || phase === 'interrupted';
