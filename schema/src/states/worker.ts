/**
 * One run of a worker: a pod, a process or a VM; never reused.
 *
 *   expected ─registered▶ registered ─ready▶ ready ─stopping▶ stopping ─ended▶ ended
 *        └────────────────────┴──────────────────┴───────────────┴─lost▶ lost
 *
 * `expected`: its one-time token exists. `ended`: it said goodbye or the platform saw it end. `lost`: given up.
 */
export const WORKER_STATES = ['expected', 'registered', 'ready', 'stopping', 'ended', 'lost'] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

export const WORKER_EVENTS = ['registered', 'ready', 'stopping', 'ended', 'lost'] as const;
export type WorkerEvent = (typeof WORKER_EVENTS)[number];

export const WORKER_TABLE: Record<WorkerState, Partial<Record<WorkerEvent, WorkerState>>> = {
  expected: { registered: 'registered', ended: 'ended', lost: 'lost' },
  registered: { ready: 'ready', stopping: 'stopping', ended: 'ended', lost: 'lost' },
  ready: { stopping: 'stopping', ended: 'ended', lost: 'lost' },
  stopping: { ended: 'ended', lost: 'lost' },
  ended: {},
  lost: {},
};

/** The next state, or null when the event changes nothing (late or doubled). */
export function reduceWorker(state: WorkerState, event: WorkerEvent): WorkerState | null {
  return WORKER_TABLE[state][event] ?? null;
}
