import { type Clock, systemClock } from './clock.ts';
import { type Log, silentLog } from './log.ts';

/** Ends one resource. `softMs` is how long it may drain; after that it must cut. */
export type Closer = (deadline: { softMs: number }) => Promise<void> | void;

/** Draining ends this long after the stop began: below Kubernetes' default grace period of 30 s. */
const defaultSoftMs = 20_000;
/** What a closer gets beyond its soft time before it is left behind. */
const hardMs = 3_000;

/**
 * How a process ends. Each closer is added right after its resource exists; `run` calls them in reverse order, one
 * after the other, and always comes to an end: a closer that throws is logged, one that hangs is left behind.
 */
export class Stop {
  readonly #controller = new AbortController();
  readonly #closers: { name: string; closer: Closer }[] = [];
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #softMs: number;
  #running: Promise<void> | undefined;

  constructor(options: { log?: Log; clock?: Clock; softMs?: number } = {}) {
    this.#log = options.log ?? silentLog;
    this.#clock = options.clock ?? systemClock;
    this.#softMs = options.softMs ?? defaultSoftMs;
  }

  /** Aborts when the stop begins: loops end, waits are given up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get stopping(): boolean {
    return this.#running !== undefined;
  }

  /** Adds a closer. Added while stopping, it runs before the ones that were added earlier, or at once when none is left. */
  add(name: string, closer: Closer): void {
    this.#closers.push({ name, closer });
  }

  /** Stops; a second call gives the first one's promise. Never rejects. */
  run(reason: string): Promise<void> {
    this.#running ??= this.#runAll(reason);
    return this.#running;
  }

  async #runAll(reason: string): Promise<void> {
    const startedMs = this.#clock.now();
    this.#log.info({ reason }, 'stopping');
    const softEnd = new AbortController();
    const softTimer = this.#clock.setTimeout(() => softEnd.abort(), this.#softMs);
    this.#controller.abort(new Error(`stopping: ${reason}`));
    for (let next = this.#closers.pop(); next; next = this.#closers.pop()) {
      const leftMs = softEnd.signal.aborted ? 0 : Math.max(0, this.#softMs - (this.#clock.now() - startedMs));
      await this.#close(next.name, next.closer, Math.min(leftMs, this.#softMs));
    }
    softTimer.cancel();
    this.#log.info({ reason, durationMs: this.#clock.now() - startedMs }, 'stopped');
  }

  async #close(name: string, closer: Closer, softMs: number): Promise<void> {
    const limit = Promise.withResolvers<'late'>();
    const timer = this.#clock.setTimeout(() => limit.resolve('late'), softMs + hardMs);
    try {
      const outcome = await Promise.race([Promise.resolve().then(() => closer({ softMs })), limit.promise]);
      if (outcome === 'late') this.#log.warn({ closer: name }, 'closer took too long and was left behind');
    } catch (err) {
      this.#log.warn({ closer: name, err }, 'closer failed');
    } finally {
      timer.cancel();
    }
  }
}
