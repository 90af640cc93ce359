import type { EnvironmentPhase } from '@easel/schema/states/environment';
import type { Output, Style } from '../output/output.ts';

/** The colour of a phase: green works, yellow is on its way or in trouble, red cannot go on. */
export const PHASE_STYLES: Record<EnvironmentPhase, Style> = {
  queued: 'yellow',
  provisioning: 'yellow',
  starting: 'cyan',
  running: 'green',
  interrupted: 'yellow',
  stopping: 'yellow',
  stopped: 'dim',
  archived: 'dim',
  failed: 'red',
  deleting: 'yellow',
  deleted: 'dim',
};

export function paintPhase(out: Output, phase: EnvironmentPhase): string {
  return out.paint(PHASE_STYLES[phase], phase);
}
