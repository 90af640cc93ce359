/** Why an environment failed: a class, one sentence, and what to do. Stored on the row, shown everywhere. */
import { z } from 'zod';
import { stepNameSchema } from './states/step.ts';

export const FAILURE_CLASSES = {
  image: 'Check the image name and that the registry answers; then retry.',
  volume: 'Ask an administrator to look at the storage of this computing platform; then retry.',
  disk_full: 'Free space on the disk, or ask for a larger one; then retry.',
  sources: 'Check the repository URL, the branch and the access to it; then retry.',
  containers: 'Look at the log of the container; then change the template or retry.',
  script: 'Look at the log of the step, correct the script in the template, then retry.',
  ide: 'Look at the log of the IDE step; then retry.',
  worker_lost: 'The disk is kept. Start the environment again.',
  platform: 'Ask an administrator to look at the computing platform; then retry.',
  timed_out: 'Raise the time limit in the template, or find what hangs in the log; then retry.',
  internal: 'Retry. If it happens again, report it with the log.',
} as const;

export type FailureClass = keyof typeof FAILURE_CLASSES;
export const failureClasses = Object.keys(FAILURE_CLASSES) as [FailureClass, ...FailureClass[]];

export const failureSchema = z.object({
  class: z.enum(failureClasses),
  /** One sentence: what was expected and what came. */
  message: z.string().min(1).max(2000),
  /** One sentence: what the person can do. */
  advice: z.string().max(1000),
  step: stepNameSchema.nullable(),
  exitCode: z.number().int().nullable(),
});
export type Failure = z.infer<typeof failureSchema>;

/** A failure with the usual advice of its class. */
export function failure(fields: Pick<Failure, 'class' | 'message'> & Partial<Failure>): Failure {
  return {
    advice: FAILURE_CLASSES[fields.class],
    step: null,
    exitCode: null,
    ...fields,
    message: fields.message.slice(0, 2000),
  };
}
