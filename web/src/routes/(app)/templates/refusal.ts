import type { Answer } from '#lib/api/client.ts';
import { texts } from '#lib/texts.ts';

/** What the form shows when a template was not taken; null when it was. */
export function refusalOf(
  answer: Answer<{ result: { __typename: string; message?: string } }>,
): { field: 'name' | null; message: string } | null {
  if (answer.problem) return { field: null, message: answer.problem.message };
  const { result } = answer.data;
  if (result.__typename === 'Template') return null;
  return {
    field: result.__typename === 'NameTaken' ? 'name' : null,
    message: result.message ?? texts.common.unknownProblem,
  };
}
