/**
 * The environment's phase: what is true of it now. What is wanted (`desired`), whether the worker is heard (`connectivity`)
 * and why it failed (`failure`) are fields of their own.
 *
 *   queued ─▶ provisioning ─▶ starting ─▶ running ◀─▶ interrupted
 *     │            │              │           │            │
 *     ▼            └──────────────┴─ stopping ┴────────────┤        failed ◀─ any of provisioning, starting, interrupted
 *   stopped ◀────────────────────────┘                     └──▶ failed
 *                     stopping ─▶ queued, when the platform took the machine away: it starts again, elsewhere
 *   stopped ─▶ archived;  stopped | archived | failed ─▶ queued (start again);  queued | stopped | archived | failed ─▶ deleting ─▶ deleted
 *
 * An eviction stops the worker as a wish would, but `desired` stays `running`, and that alone makes the stop's end a start.
 * A delete asked of an environment that still has a worker first stops it: `desired` is `deleted`, and the stop's end goes on
 * to `deleting` by itself. One function changes the phase: the caller applies what `reduceEnvironment` gives by
 * compare-and-set on the row's version.
 */
export const ENVIRONMENT_PHASES = [
  'queued',
  'provisioning',
  'starting',
  'running',
  'interrupted',
  'stopping',
  'stopped',
  'archived',
  'failed',
  'deleting',
  'deleted',
] as const;
export type EnvironmentPhase = (typeof ENVIRONMENT_PHASES)[number];

/** What the last wish asks for. */
export const DESIRED_STATES = ['running', 'stopped', 'deleted'] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];

/** `none`: no worker is expected; `waiting`: placed, not heard of yet; `online`; `lost`: its heartbeat is missing. */
export const CONNECTIVITIES = ['none', 'waiting', 'online', 'lost'] as const;
export type Connectivity = (typeof CONNECTIVITIES)[number];

export const ENVIRONMENT_EVENTS = [
  'placementClaimed',
  'workerRegistered',
  'workerReady',
  'workerFailed',
  'workerStopped',
  'workerSilent',
  'workerHeard',
  'graceExpired',
  'platformFailed',
  'evicted',
  'stopAsked',
  'stopForced',
  'startAsked',
  'deleteAsked',
  'archiveVerified',
  'erased',
] as const;
export type EnvironmentEvent = (typeof ENVIRONMENT_EVENTS)[number];

type Row = Partial<Record<EnvironmentEvent, EnvironmentPhase>>;

/** An event that is not in a phase's row changes nothing there: it is late, doubled, or must be refused by the caller. */
export const ENVIRONMENT_TABLE: Record<EnvironmentPhase, Row> = {
  queued: { placementClaimed: 'provisioning', stopAsked: 'stopped', deleteAsked: 'deleting', platformFailed: 'failed' },
  provisioning: {
    workerRegistered: 'starting',
    workerFailed: 'failed',
    platformFailed: 'failed',
    evicted: 'stopping',
    stopAsked: 'stopping',
    deleteAsked: 'stopping',
  },
  starting: {
    workerReady: 'running',
    workerFailed: 'failed',
    platformFailed: 'failed',
    workerStopped: 'stopped',
    graceExpired: 'failed',
    evicted: 'stopping',
    stopAsked: 'stopping',
    deleteAsked: 'stopping',
  },
  running: {
    workerSilent: 'interrupted',
    workerFailed: 'failed',
    workerStopped: 'stopped',
    evicted: 'stopping',
    stopAsked: 'stopping',
    deleteAsked: 'stopping',
  },
  interrupted: {
    workerHeard: 'running',
    graceExpired: 'failed',
    workerFailed: 'failed',
    platformFailed: 'failed',
    workerStopped: 'stopped',
    evicted: 'stopping',
    stopAsked: 'stopping',
    deleteAsked: 'stopping',
  },
  stopping: {
    workerStopped: 'stopped',
    workerFailed: 'stopped',
    stopForced: 'stopped',
    graceExpired: 'stopped',
    platformFailed: 'stopped',
  },
  stopped: { startAsked: 'queued', deleteAsked: 'deleting', archiveVerified: 'archived' },
  archived: { startAsked: 'queued', deleteAsked: 'deleting' },
  failed: { startAsked: 'queued', deleteAsked: 'deleting' },
  deleting: { erased: 'deleted' },
  deleted: {},
};

export type EnvironmentState = { phase: EnvironmentPhase; desired: DesiredState };

const WISHES: Partial<Record<EnvironmentEvent, DesiredState>> = {
  startAsked: 'running',
  stopAsked: 'stopped',
  deleteAsked: 'deleted',
};

/**
 * What the event makes of the environment, or null when it changes nothing. While `stopping`, a delete changes only the wish,
 * and so does a stop that is asked for during an eviction. A stop that was asked for by a delete ends in `deleting`, not in
 * `stopped`; so does a failure on the way there. The stop of an eviction ends in `queued`.
 */
export function reduceEnvironment(state: EnvironmentState, event: EnvironmentEvent): EnvironmentState | null {
  if (state.phase === 'stopping' && event === 'deleteAsked') {
    return state.desired === 'deleted' ? null : { phase: 'stopping', desired: 'deleted' };
  }
  if (state.phase === 'stopping' && event === 'stopAsked') {
    return state.desired === 'running' ? { phase: 'stopping', desired: 'stopped' } : null;
  }
  const next = ENVIRONMENT_TABLE[state.phase][event];
  if (next === undefined) return null;
  if (state.phase === 'stopping' && state.desired === 'running') return { phase: 'queued', desired: 'running' };
  const desired = WISHES[event] ?? (next === 'stopped' && state.desired === 'running' ? 'stopped' : state.desired);
  const isOver = next === 'stopped' || next === 'failed';
  return { phase: isOver && desired === 'deleted' ? 'deleting' : next, desired };
}

/** Phases in which a worker exists or is being made: never two of them on one volume. */
export const PHASES_WITH_WORKER: ReadonlySet<EnvironmentPhase> = new Set([
  'provisioning',
  'starting',
  'running',
  'interrupted',
  'stopping',
]);

/** Phases that wait for nothing: the environment stays as it is until somebody asks. */
export const SETTLED_PHASES: ReadonlySet<EnvironmentPhase> = new Set([
  'running',
  'stopped',
  'archived',
  'failed',
  'deleted',
]);
