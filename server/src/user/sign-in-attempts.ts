/**
 * How often a sign-in may fail. Whoever guesses is slowed down per login and address; one address that tries many logins,
 * and many addresses that try one login, sooner or later too. The last limit is wide, so that a stranger cannot easily lock
 * somebody out by failing in their name.
 */
import type { Clock } from '@easel/kit/clock';
import { RateLimit } from '../rate-limit.ts';

const WINDOW_SECONDS = 900;

export class SignInAttempts {
  readonly #pairs: RateLimit;
  readonly #addresses: RateLimit;
  readonly #logins: RateLimit;

  constructor(clock: Clock) {
    const windowSeconds = WINDOW_SECONDS;
    this.#pairs = new RateLimit({ max: 10, windowSeconds, clock });
    this.#addresses = new RateLimit({ max: 50, windowSeconds, clock });
    this.#logins = new RateLimit({ max: 200, windowSeconds, clock });
  }

  /** Throws RATE_LIMITED. `login` is null for a one-time code. */
  begin(address: string, login: string | null): { failed(): void } {
    const counted: [RateLimit, string][] = [[this.#addresses, address]];
    if (login !== null) counted.push([this.#logins, login], [this.#pairs, JSON.stringify([address, login])]);
    for (const [limit, key] of counted) limit.check(key);
    return {
      failed: () => {
        for (const [limit, key] of counted) limit.count(key);
      },
    };
  }
}
