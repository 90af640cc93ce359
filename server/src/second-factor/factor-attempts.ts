/** How often somebody may try a code. Counted before it is compared, so that many at once are not more than one by one. */
import type { Clock } from '@easel/kit/clock';
import { RateLimit } from '../rate-limit.ts';

const WINDOW_SECONDS = 900;

export class FactorAttempts {
  readonly #users: RateLimit;
  readonly #addresses: RateLimit;

  constructor(clock: Clock) {
    const windowSeconds = WINDOW_SECONDS;
    this.#users = new RateLimit({ max: 10, windowSeconds, clock });
    this.#addresses = new RateLimit({ max: 50, windowSeconds, clock });
  }

  /** Throws RATE_LIMITED. Whoever was right is given his try back. */
  begin(address: string, userId: string): { succeeded(): void } {
    this.#users.check(userId);
    this.#addresses.check(address);
    this.#users.count(userId);
    this.#addresses.count(address);
    return {
      succeeded: () => {
        this.#users.giveBack(userId);
        this.#addresses.giveBack(address);
      },
    };
  }
}
