import type { Clock } from '@easel/kit/clock';

/** At most this share of the time is spent looking. */
const maxShare = 0.05;

/**
 * A look that costs something: taken in the background when the last one is old enough, never twice at once, and the rarer
 * the longer it takes. Whoever asks gets the last outcome at once. A failed look changes nothing.
 */
export class Paced<T> {
  readonly #look: () => Promise<T>;
  readonly #everyMs: number;
  readonly #clock: Clock;
  #last: T;
  #nextMs = 0;
  #isLooking = false;

  constructor(options: { look: () => Promise<T>; initial: T; everyMs: number; clock: Clock }) {
    this.#look = options.look;
    this.#everyMs = options.everyMs;
    this.#clock = options.clock;
    this.#last = options.initial;
  }

  get(): T {
    if (!this.#isLooking && this.#clock.now() >= this.#nextMs) void this.#lookNow();
    return this.#last;
  }

  async #lookNow(): Promise<void> {
    this.#isLooking = true;
    const startedMs = this.#clock.now();
    try {
      this.#last = await this.#look();
    } catch {
      // Says itself what it could not see, by the age of what is shown.
    } finally {
      const tookMs = this.#clock.now() - startedMs;
      this.#nextMs = this.#clock.now() + Math.max(this.#everyMs, tookMs / maxShare);
      this.#isLooking = false;
    }
  }
}
