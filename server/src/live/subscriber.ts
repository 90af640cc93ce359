/**
 * The buffer between changes and one slow or fast reader. Changes of the same key are one; more keys than fit become a
 * single `resync`, upon which the reader reads everything again. So it never grows without bound and never blocks who
 * publishes.
 */
export class Subscriber<Change> implements AsyncIterableIterator<Change> {
  readonly #pending = new Map<string, Change>();
  readonly #resync: Change;
  readonly #maxPending: number;
  readonly #onEnd: () => void;
  #waiting: ((result: IteratorResult<Change, undefined>) => void)[] = [];
  #hasEnded = false;

  constructor(options: { resync: Change; maxPending: number; onEnd: () => void }) {
    this.#resync = options.resync;
    this.#maxPending = options.maxPending;
    this.#onEnd = options.onEnd;
  }

  /** Adds a change, in place of an older one of the same key. */
  push(key: string, change: Change): void {
    if (this.#hasEnded) return;
    const reader = this.#waiting.shift();
    if (reader) {
      reader({ done: false, value: change });
      return;
    }
    if (this.#pending.has(RESYNC)) return;
    this.#pending.delete(key);
    this.#pending.set(key, change);
    if (this.#pending.size > this.#maxPending) this.resync();
  }

  /** Whatever was pending is dropped: the reader reads everything again. */
  resync(): void {
    this.#pending.clear();
    this.push(RESYNC, this.#resync);
  }

  next(): Promise<IteratorResult<Change, undefined>> {
    const first = this.#pending.entries().next();
    if (!first.done) {
      this.#pending.delete(first.value[0]);
      return Promise.resolve({ done: false, value: first.value[1] });
    }
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends at once, also in the middle of a `next`. Ending twice does nothing. */
  return(): Promise<IteratorResult<Change, undefined>> {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#pending.clear();
      for (const reader of this.#waiting) reader({ done: true, value: undefined });
      this.#waiting = [];
      this.#onEnd();
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** No id has this form. */
const RESYNC = '*';
