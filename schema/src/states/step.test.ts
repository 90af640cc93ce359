import { expect, it } from 'vitest';
import { reduceStep, STEP_STATES, type StepEvent, type StepState } from './step.ts';

const EVENTS = ['started', 'progressed', 'finished', 'skipped', 'failed'] as const satisfies readonly StepEvent[];

const EXPECTED: Record<StepState, Record<StepEvent, StepState | null>> = {
  waiting: { started: 'active', progressed: null, finished: null, skipped: 'skipped', failed: 'failed' },
  active: { started: null, progressed: 'active', finished: 'done', skipped: 'skipped', failed: 'failed' },
  done: { started: null, progressed: null, finished: null, skipped: null, failed: null },
  skipped: { started: null, progressed: null, finished: null, skipped: null, failed: null },
  failed: { started: null, progressed: null, finished: null, skipped: null, failed: null },
};

const pairs = STEP_STATES.flatMap((state) => EVENTS.map((event) => [state, event, EXPECTED[state][event]] as const));

it.each(pairs)('%s, %s → %s', (state, event, expected) => {
  expect(reduceStep(state, event)).toBe(expected);
});
