/** A plain request to Easel, where there is no GraphQL: a failure to get there is told as everywhere else. */
import { CommandError } from '../failure.ts';

/** A server that does not answer is given up after so long. */
const LIMIT_MS = 30_000;

/** Throws API_UNREACHABLE, or the signal's reason. `hasLimit: false` for an answer that takes as long as it takes. */
export async function reach(
  address: URL,
  options: RequestInit & { signal: AbortSignal; hasLimit?: boolean },
): Promise<Response> {
  const { signal, hasLimit = true, ...init } = options;
  try {
    const ends = hasLimit ? AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) : signal;
    return await fetch(address, { ...init, signal: ends });
  } catch (cause) {
    signal.throwIfAborted();
    const { origin } = address;
    throw new CommandError('API_UNREACHABLE', `cannot reach ${origin}; is Easel running there?`, {}, cause);
  }
}
