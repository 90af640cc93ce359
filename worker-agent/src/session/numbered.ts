/**
 * Things with consecutive numbers that are kept until the other side has acknowledged them.
 *
 * Who: the worker towards the server, once for reports and once for chunks of log. A number is given when a thing is added
 * and never changes. While the line is up each is sent once, in order; after a reconnect the other side says what it has
 * stored, and the rest is sent again. If the server dies before it has stored one, it asks for it again; if the worker
 * dies, what was not acknowledged is lost with it.
 */
export class Numbered<T> {
  readonly #send: (number: number, item: T) => boolean;
  readonly #kept: { number: number; item: T }[] = [];
  readonly #waiting = new Set<() => void>();
  #last = 0;
  /** The highest number sent on this line; null while there is no line. */
  #sent: number | null = null;
  /** The highest number sent on any line. */
  #highestSent = 0;

  /** `send` says whether the line took it. */
  constructor(send: (number: number, item: T) => boolean) {
    this.#send = send;
  }

  /** How many are not acknowledged. */
  get unacknowledged(): number {
    return this.#kept.length;
  }

  get isConnected(): boolean {
    return this.#sent !== null;
  }

  add(item: T): void {
    this.#last++;
    this.#kept.push({ number: this.#last, item });
    this.#flush();
  }

  /**
   * Puts `item` in the place of the newest one when that has never been sent and `isStale` says so; otherwise adds it.
   * Keeps what is only of passing interest from piling up while the server is away.
   */
  replaceNewest(item: T, isStale: (newest: T) => boolean): void {
    const newest = this.#kept.at(-1);
    if (newest && newest.number > this.#highestSent && isStale(newest.item)) newest.item = item;
    else this.add(item);
  }

  /** The line is up, and the other side has stored everything up to `acknowledged`. */
  resume(acknowledged: number): void {
    this.acknowledge(acknowledged);
    this.#sent = Math.min(acknowledged, this.#last);
    this.#flush();
  }

  /** The line is gone. */
  pause(): void {
    this.#sent = null;
  }

  acknowledge(number: number): void {
    while (this.#kept[0] && this.#kept[0].number <= number) this.#kept.shift();
    if (this.#kept.length > 0) return;
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }

  /** Resolves once everything is acknowledged. */
  settled(): Promise<void> {
    if (this.#kept.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #flush(): void {
    if (this.#sent === null) return;
    for (const { number, item } of this.#kept) {
      if (number <= this.#sent) continue;
      if (!this.#send(number, item)) return;
      this.#sent = number;
      this.#highestSent = Math.max(this.#highestSent, number);
    }
  }
}
