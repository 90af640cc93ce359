import type { Api } from '#lib/api/client.ts';
import { createClientCredential } from '#lib/operations/client-credentials.ts';
import { refusalOf } from '#lib/refusal.ts';

/** Gives the secret, which is never to be had again, or a sentence that says why there is none. */
export async function makeCredential(
  api: Api,
  input: { owner: string; name: string; expiresAt: string | null; scopes: string[] | null },
): Promise<{ secret: string | null; refusal: string | null }> {
  const answer = await api.change(createClientCredential, { input });
  const made = answer.data?.result;
  return {
    secret: made?.__typename === 'CreatedClientCredential' ? made.secret : null,
    refusal: refusalOf(answer, 'CreatedClientCredential')?.message ?? null,
  };
}
