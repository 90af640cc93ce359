import { expect, it } from 'vitest';
import { FAILURE_CLASSES, failure, failureClasses, failureSchema } from './failure.ts';

it.each(failureClasses)('a failure of class %s says what to do', (name) => {
  const made = failure({ class: name, message: 'it did not work' });
  expect(made.advice).toBe(FAILURE_CLASSES[name]);
  expect(failureSchema.parse(made)).toEqual(made);
});

it('is cut to a size that every row and message takes', () => {
  expect(failureSchema.safeParse(failure({ class: 'script', message: 'x'.repeat(10_000) })).success).toBe(true);
});

it('keeps step, exit code and advice that were given', () => {
  const made = failure({ class: 'script', message: 'm', advice: 'try again', step: 'hooks', exitCode: 3 });
  expect(made).toEqual({ class: 'script', message: 'm', advice: 'try again', step: 'hooks', exitCode: 3 });
});
