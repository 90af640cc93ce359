/** When a wait is over: a pure judgement of what is wanted and what is. */
import type { EnvironmentPhase } from '@easel/schema/states/environment';
import type { Environment } from '../api/environments.ts';

export type Goal = 'running' | 'stopped' | 'deleted';

/** `failed`: it cannot get there; `overtaken`: somebody wants something else of it by now. */
export type Verdict = 'wait' | 'done' | 'failed' | 'overtaken';

const REACHED: Record<Goal, ReadonlySet<EnvironmentPhase>> = {
  running: new Set(['running']),
  stopped: new Set(['stopped', 'archived']),
  deleted: new Set(['deleted']),
};

export function judge(goal: Goal, environment: Pick<Environment, 'phase' | 'desired'>): Verdict {
  if (REACHED[goal].has(environment.phase)) return 'done';
  if (environment.phase === 'deleted' || environment.desired !== goal) return 'overtaken';
  // A delete that fails is tried again by the server; only a start or a stop ends here.
  if (environment.phase === 'failed' && goal !== 'deleted') return 'failed';
  return 'wait';
}
