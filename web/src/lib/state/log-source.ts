import { STEP_NAMES, type StepName } from '@easel/schema/states/step';
import { texts } from '#lib/texts.ts';

const isStep = (source: string): source is StepName => STEP_NAMES.some((name) => name === source);

/** What people call a source of log lines: a step's name, `container:<name>` or `worker`. */
export function sourceLabel(source: string): string {
  if (isStep(source)) return texts.step[source];
  if (source === 'worker') return texts.log.worker;
  return source.startsWith('container:') ? source.slice('container:'.length) : source;
}
