/**
 * A snapshot of an environment's volume.
 *
 *   waiting ─taken▶ taking ─ready▶ ready ─deleteAsked▶ deleting ─deleted▶ deleted
 *      └───────────────┴─failed▶ failed ─deleteAsked▶ deleting
 *
 * `waiting`: asked for; a running worker syncs and freezes first. `taking`: the cut is made (the worker works on again), the
 * storage system is still copying. `ready`: verified, can be restored from. The platform's scheduler does the work and says
 * so; if it dies, it finds the snapshot by its name and goes on.
 */
export const SNAPSHOT_STATES = ['waiting', 'taking', 'ready', 'failed', 'deleting', 'deleted'] as const;
export type SnapshotState = (typeof SNAPSHOT_STATES)[number];

export const SNAPSHOT_EVENTS = ['taken', 'ready', 'failed', 'deleteAsked', 'deleted'] as const;
export type SnapshotEvent = (typeof SNAPSHOT_EVENTS)[number];

export const SNAPSHOT_TABLE: Record<SnapshotState, Partial<Record<SnapshotEvent, SnapshotState>>> = {
  waiting: { taken: 'taking', ready: 'ready', failed: 'failed', deleteAsked: 'deleting' },
  taking: { ready: 'ready', failed: 'failed', deleteAsked: 'deleting' },
  ready: { deleteAsked: 'deleting' },
  failed: { deleteAsked: 'deleting' },
  deleting: { deleted: 'deleted' },
  deleted: {},
};

/** The next state, or null when the event changes nothing (late or doubled). */
export function reduceSnapshot(state: SnapshotState, event: SnapshotEvent): SnapshotState | null {
  return SNAPSHOT_TABLE[state][event] ?? null;
}
