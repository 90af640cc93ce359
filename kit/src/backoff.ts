import { type Clock, systemClock } from './clock.ts';

export interface Backoff {
  /** The upper bound of the first wait. */
  baseMs: number;
  /** No wait is longer. */
  maxMs: number;
}

/**
 * Milliseconds to wait before try number `attempt` + 1 (`attempt` counts from 0): evenly between nothing and the doubled
 * bound, so that many clients cut off together do not come back together.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter", full jitter.
 */
export function fullJitter(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  return Math.floor(random() * Math.min(backoff.maxMs, backoff.baseMs * 2 ** attempt));
}

export interface RetryOptions {
  /** How often `fn` is tried at most, the first time included. */
  attempts: number;
  signal?: AbortSignal | undefined;
  clock?: Clock;
  backoff?: Backoff;
  /** Whether another try may help. Without it an error with `retryable: false` ends the tries. */
  isRetryable?: (err: unknown) => boolean;
  /** Told before each wait. */
  onRetry?: (err: unknown, attempt: number, waitMs: number) => void;
  random?: () => number;
}

const defaultBackoff: Backoff = { baseMs: 100, maxMs: 10_000 };

/** Calls `fn` until it succeeds; throws its last error, or the signal's reason when that aborts. */
export async function retry<T>(fn: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, signal, clock = systemClock, backoff = defaultBackoff, isRetryable = notRefused } = options;
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await fn(attempt);
    } catch (err) {
      if (signal?.aborted || attempt + 1 >= attempts || !isRetryable(err)) throw err;
      const waitMs = fullJitter(backoff, attempt, options.random);
      options.onRetry?.(err, attempt, waitMs);
      await clock.sleep(waitMs, signal);
    }
  }
}

function notRefused(err: unknown): boolean {
  return (err as { retryable?: boolean } | null)?.retryable !== false;
}
