import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';

/** Takes back one thing that was made. `softMs` is how long it may end by itself; then it must be cut. */
export type UndoAction = (softMs: number) => Promise<{ isClean: boolean }>;

/** What an action gets beyond its soft time before it is left behind. */
const hardMs = 15_000;

/**
 * What a start has made so far, to be taken back in reverse order: after a failure, at a stop in the middle, and at the
 * end of an environment's run alike. An action that throws or hangs is logged and the next one has its turn.
 */
export class Undo {
  readonly #actions: { name: string; action: UndoAction }[] = [];
  readonly #log: Log;
  readonly #clock: Clock;

  constructor(options: { log: Log; clock: Clock }) {
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** Added before the thing is made, so that half a thing is taken back too. */
  add(name: string, action: UndoAction): void {
    this.#actions.push({ name, action });
  }

  /** Takes everything back within about `softMs`. Says whether all ended by itself. */
  async run(softMs: number): Promise<{ isClean: boolean }> {
    const untilMs = this.#clock.now() + softMs;
    let isClean = true;
    for (let next = this.#actions.pop(); next; next = this.#actions.pop()) {
      const leftMs = Math.max(0, untilMs - this.#clock.now());
      isClean = (await this.#runOne(next.name, next.action, Math.min(leftMs, softMs))) && isClean;
    }
    return { isClean };
  }

  async #runOne(name: string, action: UndoAction, softMs: number): Promise<boolean> {
    const limit = Promise.withResolvers<'late'>();
    const timer = this.#clock.setTimeout(() => limit.resolve('late'), softMs + hardMs);
    try {
      const outcome = await Promise.race([Promise.resolve().then(() => action(softMs)), limit.promise]);
      if (outcome !== 'late') return outcome.isClean;
      this.#log.warn({ part: name }, 'part took too long to end and was left behind');
    } catch (err) {
      this.#log.warn({ part: name, err }, 'part could not be ended');
    } finally {
      timer.cancel();
    }
    return false;
  }
}
