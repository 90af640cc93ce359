/** Counts failures per key within a window. In memory: each replica counts for itself, which only multiplies the limit. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { LRUCache } from 'lru-cache';

/** Keys that are remembered; an attacker with more addresses than this pushes out the oldest. */
const MAX_KEYS = 50_000;

export class RateLimit {
  readonly #max: number;
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #counts = new LRUCache<string, { count: number; untilMs: number }>({ max: MAX_KEYS });

  constructor(options: { max: number; windowSeconds: number; clock: Clock }) {
    this.#max = options.max;
    this.#windowMs = options.windowSeconds * 1000;
    this.#clock = options.clock;
  }

  /** Throws RATE_LIMITED, with the seconds to wait, when the key has used up its window. */
  check(key: string): void {
    const entry = this.#counts.get(key);
    const leftMs = entry && entry.count >= this.#max ? entry.untilMs - this.#clock.now() : 0;
    if (leftMs <= 0) return;
    const retryAfterSeconds = Math.ceil(leftMs / 1000);
    throw new AppError({
      code: 'RATE_LIMITED',
      message: `too many attempts: try again in ${retryAfterSeconds} seconds`,
      details: { retryAfterSeconds },
    });
  }

  count(key: string): void {
    const now = this.#clock.now();
    const entry = this.#counts.get(key);
    if (entry && entry.untilMs > now) entry.count++;
    else this.#counts.set(key, { count: 1, untilMs: now + this.#windowMs });
  }

  /** What was counted beforehand turned out to be no failure. */
  giveBack(key: string): void {
    const entry = this.#counts.get(key);
    if (entry && entry.count > 0) entry.count--;
  }
}
