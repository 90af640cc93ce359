import { DESIRED_STATES, ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { expect, it } from 'vitest';
import { type Goal, judge } from './settle.ts';

const GOALS: readonly Goal[] = ['running', 'stopped', 'deleted'];
const all = GOALS.flatMap((goal) =>
  ENVIRONMENT_PHASES.flatMap((phase) => DESIRED_STATES.map((desired) => ({ goal, phase, desired }))),
);

it.each([
  ['running', 'running', 'running', 'done'],
  ['running', 'interrupted', 'running', 'wait'],
  ['running', 'failed', 'running', 'failed'],
  ['running', 'stopping', 'stopped', 'overtaken'],
  ['running', 'deleted', 'deleted', 'overtaken'],
  ['stopped', 'stopping', 'stopped', 'wait'],
  ['stopped', 'archived', 'stopped', 'done'],
  ['stopped', 'failed', 'stopped', 'failed'],
  ['stopped', 'queued', 'running', 'overtaken'],
  ['deleted', 'stopping', 'deleted', 'wait'],
  ['deleted', 'failed', 'deleted', 'wait'],
  ['deleted', 'deleted', 'deleted', 'done'],
] as const)('wanted %s: in phase %s with the wish %s it is %s', (goal, phase, desired, verdict) =>
  expect(judge(goal, { phase, desired })).toBe(verdict),
);

it('waits only while the wish is still the same', () => {
  for (const { goal, phase, desired } of all) {
    if (judge(goal, { phase, desired }) === 'wait') expect(desired).toBe(goal);
  }
});

it('waits for nothing once it is deleted', () => {
  for (const { goal, phase, desired } of all) {
    if (phase === 'deleted') expect(judge(goal, { phase, desired })).not.toBe('wait');
  }
});
