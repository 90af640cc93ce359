/** `/auth/*` of the server: POST and JSON. Never throws: what failed is a sentence, with the server's code for it. */
import { texts } from '#lib/texts.ts';

export type Refused = { code: string | null; message: string };
/** `value` is null where the server has nothing to tell, too. */
export type Told<Value> = { value: Value | null; refused: Refused | null };

export const LIMIT_MS = 15_000;

export async function ask<Value = never>(path: string, body: unknown = {}): Promise<Told<Value>> {
  try {
    const response = await fetch(path, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    if (!response.ok) return { value: null, refused: await refusedOf(response) };
    return { value: response.status === 200 ? ((await response.json()) as Value) : null, refused: null };
  } catch {
    return { value: null, refused: { code: null, message: texts.signIn.noAnswer } };
  }
}

async function refusedOf(response: Response): Promise<Refused> {
  const body: unknown = await response.json().catch(() => null);
  const told: { code?: unknown; message?: unknown } = typeof body === 'object' && body !== null ? body : {};
  return {
    code: typeof told.code === 'string' ? told.code : null,
    message: typeof told.message === 'string' && told.message !== '' ? told.message : texts.signIn.refused,
  };
}
