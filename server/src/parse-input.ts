import { AppError } from '@easel/schema/errors';
import type { z } from 'zod';

export interface FieldProblem {
  /** Dotted path of the input field. */
  path: string;
  message: string;
}

/** Parses at the door. Throws INVALID_INPUT that names every field that is wrong. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalidInput(parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message })));
}

/** The problems that fit into one answer; whoever has more corrects these first. */
const MAX_PROBLEMS = 20;

export function invalidInput(problems: readonly FieldProblem[]): AppError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  const message = shown.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  return new AppError({
    code: 'INVALID_INPUT',
    message: message || 'the input is not valid',
    details: { fields: shown },
  });
}
