import { expect, it } from 'vitest';
import { reduceWorker, WORKER_EVENTS, WORKER_STATES, type WorkerEvent, type WorkerState } from './worker.ts';

const EXPECTED: Record<WorkerState, Record<WorkerEvent, WorkerState | null>> = {
  expected: { registered: 'registered', ready: null, stopping: null, ended: 'ended', lost: 'lost' },
  registered: { registered: null, ready: 'ready', stopping: 'stopping', ended: 'ended', lost: 'lost' },
  ready: { registered: null, ready: null, stopping: 'stopping', ended: 'ended', lost: 'lost' },
  stopping: { registered: null, ready: null, stopping: null, ended: 'ended', lost: 'lost' },
  ended: { registered: null, ready: null, stopping: null, ended: null, lost: null },
  lost: { registered: null, ready: null, stopping: null, ended: null, lost: null },
};

const pairs = WORKER_STATES.flatMap((state) =>
  WORKER_EVENTS.map((event) => [state, event, EXPECTED[state][event]] as const),
);

it.each(pairs)('%s, %s → %s', (state, event, expected) => {
  expect(reduceWorker(state, event)).toBe(expected);
});
