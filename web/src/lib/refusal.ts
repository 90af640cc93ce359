import type { Answer } from '#lib/api/client.ts';
import { texts } from '#lib/texts.ts';

type Result = { __typename: string; message?: string };
export type FormRefusal = { field: 'name' | null; message: string };

/** What a form shows when what it sent was not taken; null when it was, as something of type `done`. */
export function refusalOf(answer: Answer<{ result: Result }>, done: string): FormRefusal | null {
  if (answer.problem) return { field: null, message: answer.problem.message };
  const { result } = answer.data;
  if (result.__typename === done) return null;
  return {
    field: result.__typename === 'NameTaken' ? 'name' : null,
    message: result.message ?? texts.common.unknownProblem,
  };
}

/** What was asked takes fresh proof first (lib/second-factor/ProofDialog.svelte). */
export function needsProof({ data }: Answer<{ result: Result }>): boolean {
  return data?.result.__typename === 'ProofNeeded';
}
