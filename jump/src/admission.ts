/**
 * Who may so much as begin. A connection counts as a stranger until somebody is signed in; strangers are few, in all and
 * from one source, and so are new connections and refused keys per second. Who is turned away costs us one accept.
 */
import type { Clock } from '@easel/kit/clock';
import { sourceOf, Throttle } from '@easel/kit/throttle';
import type { Limits } from './config.ts';

/** Seconds' worth of connections that a source may open at once: an editor or a script opens several. */
const connectionBurst = 10;
/** Seconds' worth of refused keys that a source may have at once: an agent full of keys, some times over. */
const failureBurst = 60;

export type Turnaway = 'full' | 'throttle';

export interface Stranger {
  /** A key was refused. */
  failed(): void;
  /** Somebody is signed in, or the connection has ended. Telling twice does nothing. */
  leave(): void;
}

export class Admission {
  readonly #limits: Limits;
  readonly #connections: Throttle;
  readonly #failures: Throttle;
  readonly #strangersOf = new Map<string, number>();
  /** Sources that have used up their failures, until when. */
  readonly #penalties = new Map<string, number>();
  readonly #clock: Clock;
  #strangers = 0;

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    const { connectionsPerSourcePerSecond: connections, failuresPerSourcePerSecond: failures } = limits;
    this.#connections = new Throttle({ perSecond: connections, burst: connections * connectionBurst, clock });
    this.#failures = new Throttle({ perSecond: failures, burst: failures * failureBurst, clock });
  }

  /** `open` is how many connections there are. */
  admit(address: string | undefined, open: number): Stranger | Turnaway {
    const source = sourceOf(address);
    if (this.#isPenalised(source) || this.#connections.take(source) > 0) return 'throttle';
    const ofSource = this.#strangersOf.get(source) ?? 0;
    const { connections, strangers, strangersPerSource } = this.#limits;
    if (open >= connections || this.#strangers >= strangers || ofSource >= strangersPerSource) return 'full';
    this.#count(source, 1);
    let isStranger = true;
    return {
      failed: () => {
        const waitMs = this.#failures.take(source);
        if (waitMs > 0) this.#penalties.set(source, this.#clock.now() + waitMs);
      },
      leave: () => {
        if (isStranger) this.#count(source, -1);
        isStranger = false;
      },
    };
  }

  #isPenalised(source: string): boolean {
    const untilMs = this.#penalties.get(source);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.now()) return true;
    this.#penalties.delete(source);
    return false;
  }

  #count(source: string, by: 1 | -1): void {
    this.#strangers += by;
    const left = (this.#strangersOf.get(source) ?? 0) + by;
    if (left > 0) this.#strangersOf.set(source, left);
    else this.#strangersOf.delete(source);
  }
}
