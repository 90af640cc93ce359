import { expect, it } from 'vitest';
import {
  reduceSnapshot,
  SNAPSHOT_EVENTS,
  SNAPSHOT_STATES,
  type SnapshotEvent,
  type SnapshotState,
} from './snapshot.ts';

const EXPECTED: Record<SnapshotState, Record<SnapshotEvent, SnapshotState | null>> = {
  waiting: { taken: 'taking', ready: 'ready', failed: 'failed', deleteAsked: 'deleting', deleted: null },
  taking: { taken: null, ready: 'ready', failed: 'failed', deleteAsked: 'deleting', deleted: null },
  ready: { taken: null, ready: null, failed: null, deleteAsked: 'deleting', deleted: null },
  failed: { taken: null, ready: null, failed: null, deleteAsked: 'deleting', deleted: null },
  deleting: { taken: null, ready: null, failed: null, deleteAsked: null, deleted: 'deleted' },
  deleted: { taken: null, ready: null, failed: null, deleteAsked: null, deleted: null },
};

const pairs = SNAPSHOT_STATES.flatMap((state) =>
  SNAPSHOT_EVENTS.map((event) => [state, event, EXPECTED[state][event]] as const),
);

it.each(pairs)('%s, %s → %s', (state, event, expected) => {
  expect(reduceSnapshot(state, event)).toBe(expected);
});

it('leads each event to one state, wherever it comes from', () => {
  for (const event of SNAPSHOT_EVENTS) {
    const ends = SNAPSHOT_STATES.map((state) => reduceSnapshot(state, event)).filter((state) => state !== null);
    expect(new Set(ends).size).toBe(1);
  }
});
