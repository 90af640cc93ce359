/** The numbered steps of a start, in order. Each is shown with its time and outcome. */
import { z } from 'zod';

export const STEP_NAMES = ['image', 'volume', 'sources', 'containers', 'hooks', 'ide'] as const;
export type StepName = (typeof STEP_NAMES)[number];
export const stepNameSchema = z.enum(STEP_NAMES);

export const STEP_STATES = ['waiting', 'active', 'done', 'skipped', 'failed'] as const;
export type StepState = (typeof STEP_STATES)[number];

export type StepEvent = 'started' | 'progressed' | 'finished' | 'skipped' | 'failed';

/** waiting ─started▶ active ─finished▶ done | failed; waiting ─skipped▶ skipped. A start again makes new steps. */
export const STEP_TABLE: Record<StepState, Partial<Record<StepEvent, StepState>>> = {
  waiting: { started: 'active', skipped: 'skipped', failed: 'failed' },
  active: { progressed: 'active', finished: 'done', skipped: 'skipped', failed: 'failed' },
  done: {},
  skipped: {},
  failed: {},
};

/** The next state, or null when the event changes nothing (late or doubled). */
export function reduceStep(state: StepState, event: StepEvent): StepState | null {
  return STEP_TABLE[state][event] ?? null;
}
