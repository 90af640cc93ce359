/**
 * The rate of all calls to one API server: a token bucket with a line in front of it. First come, first served, but what
 * begins something new stands behind all that finishes or ends something: a thousand environments at once get their pods one
 * after the other, instead of first all their volumes.
 */
import type { Clock, Timer } from '@easel/kit/clock';

export interface Rate {
  /** In the long run. */
  perSecond: number;
  /** At once after a quiet time. */
  burst: number;
}

interface Waiter {
  go: () => void;
  isOver: boolean;
}

export class CallRate {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #lines: { urgent: Waiter[]; beginning: Waiter[] } = { urgent: [], beginning: [] };
  #tokens: number;
  #atMs: number;
  #timer: Timer | null = null;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#atMs = clock.now();
  }

  /** Resolves when it is the caller's turn; rejects with the signal's reason. */
  async turn(signal: AbortSignal, isBeginning = false): Promise<void> {
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const waiter: Waiter = { go: turn.resolve, isOver: false };
    const leave = () => {
      waiter.isOver = true;
      turn.reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#lines[isBeginning ? 'beginning' : 'urgent'].push(waiter);
    this.#serve();
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #serve(): void {
    const nowMs = this.#clock.now();
    // A clock that was set back must not empty the bucket.
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + (passedMs * this.#rate.perSecond) / 1000);
    this.#atMs = nowMs;
    const { urgent, beginning } = this.#lines;
    while (this.#tokens >= 1) {
      const next = urgent.shift() ?? beginning.shift();
      if (!next) return;
      if (next.isOver) continue;
      this.#tokens -= 1;
      next.go();
    }
    if (this.#timer || urgent.length + beginning.length === 0) return;
    const waitMs = Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1000);
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#serve();
    }, waitMs);
  }
}
