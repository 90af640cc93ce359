import type { Clock } from '@easel/kit/clock';
import type { Heartbeat } from '@easel/schema/wire/worker';
import type { ActivitySink, ActivitySource } from '../tunnel/options.ts';

/** When somebody, or something on their behalf, was last at work here, and how we know. */
export class Activity implements ActivitySink {
  readonly #clock: Clock;
  readonly #sources = new Set<ActivitySource>();
  #lastActiveMs: number;

  /** Coming up counts as activity. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastActiveMs = clock.now();
  }

  mark(source: ActivitySource): void {
    this.#lastActiveMs = this.#clock.now();
    this.#sources.add(source);
  }

  /** What was marked since the last call. */
  take(): Heartbeat['activity'] {
    const sources = [...this.#sources];
    this.#sources.clear();
    return { lastActiveAt: new Date(this.#lastActiveMs).toISOString(), sources };
  }
}
