/**
 * One execution for all who may see the same.
 *
 * A *group* is the readers of one (document, variables, viewer scope). It has one source and executes each of its events
 * once; the result is serialised once. Its fields are such that a new source first tells the whole ("list, then stream"),
 * and later events are changes to it. So the first reader opens the source, and one who comes later is a *joiner*: a
 * second source is opened only for its first event, the whole, which all joiners of that moment share; what the group sees
 * meanwhile is kept for them and follows after. If a reader is too slow it is a joiner again as soon as it reads: what it
 * missed is in the whole.
 *
 * Ends: with the last reader's leaving, with the source's end (told to all), or with its failure (told to all).
 */

/** What a source gives: the bytes of a result (`nextTail` of graphql-protocol.ts), or an end. */
export type SharedResult =
  | { kind: 'next'; tail: Buffer }
  | { kind: 'error'; errors: readonly unknown[] }
  | { kind: 'complete' };

/** Opens a source of results; `return` ends it. Its failure is an `error` result, never a rejection. */
export type OpenSource = () => AsyncIterator<SharedResult, undefined>;

export interface SharedReader {
  /** Returns false when the reader cannot take more now: it is left out until it joins again. */
  take(result: SharedResult): boolean;
}

export interface SharedSubscriptions {
  /** Joins the group of this key, or opens it. */
  join(key: string, open: OpenSource, reader: SharedReader): Membership;
  readonly groups: number;
  /** Executions of events so far. */
  readonly executions: number;
}

export interface Membership {
  leave(): void;
  /** Reads the whole again, then the changes. Does nothing while it is joining already. */
  rejoin(): void;
}

/** Results kept for a joiner; one more, and it starts its joining again. */
const maxKept = 64;

interface Joiner {
  reader: SharedReader;
  /** Null until the whole that it waits for is being read. */
  kept: SharedResult[] | null;
}

export function createSharedSubscriptions(): SharedSubscriptions {
  const groups = new Map<string, Group>();
  const counts = { executions: 0 };
  return {
    join(key, open, reader) {
      let group = groups.get(key);
      if (!group) {
        group = new Group({ open, counts, onEnd: () => groups.delete(key) });
        groups.set(key, group);
      }
      return group.join(reader);
    },
    get groups() {
      return groups.size;
    },
    get executions() {
      return counts.executions;
    },
  };
}

class Group {
  readonly #open: OpenSource;
  readonly #counts: { executions: number };
  readonly #onEnd: () => void;
  readonly #readers = new Set<SharedReader>();
  readonly #joiners = new Map<SharedReader, Joiner>();
  #members = 0;
  #source: AsyncIterator<SharedResult, undefined> | undefined;
  #isReadingWhole = false;
  #hasEnded = false;

  constructor(options: { open: OpenSource; counts: { executions: number }; onEnd: () => void }) {
    this.#open = options.open;
    this.#counts = options.counts;
    this.#onEnd = options.onEnd;
  }

  join(reader: SharedReader): Membership {
    this.#members++;
    if (this.#source === undefined) {
      this.#readers.add(reader);
      void this.#run();
    } else {
      this.#addJoiner(reader);
    }
    let hasLeft = false;
    return {
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        this.#readers.delete(reader);
        this.#joiners.delete(reader);
        if (--this.#members === 0) this.#end();
      },
      rejoin: () => {
        if (hasLeft || this.#hasEnded || this.#joiners.has(reader)) return;
        this.#readers.delete(reader);
        this.#addJoiner(reader);
      },
    };
  }

  async #run(): Promise<void> {
    const source = this.#open();
    this.#source = source;
    for (;;) {
      const { done, value } = await source.next();
      if (this.#hasEnded) return;
      this.#counts.executions++;
      const result: SharedResult = done ? { kind: 'complete' } : value;
      if (result.kind === 'next') this.#tell(result);
      else return this.#finish(result);
    }
  }

  #tell(result: SharedResult): void {
    for (const reader of this.#readers) {
      // Who cannot take it leaves until it reads again: its socket calls `rejoin`.
      if (!reader.take(result)) this.#readers.delete(reader);
    }
    for (const joiner of this.#joiners.values()) {
      if (joiner.kept && joiner.kept.push(result) > maxKept) joiner.kept = null;
    }
  }

  #finish(result: SharedResult): void {
    const readers = [...this.#readers, ...this.#joiners.keys()];
    this.#end();
    for (const reader of readers) reader.take(result);
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#onEnd();
    this.#readers.clear();
    this.#joiners.clear();
    void this.#source?.return?.();
  }

  #addJoiner(reader: SharedReader): void {
    this.#joiners.set(reader, { reader, kept: null });
    if (!this.#isReadingWhole) void this.#readWhole();
  }

  /** Reads the whole for those who wait for it, again and again until nobody does. */
  async #readWhole(): Promise<void> {
    this.#isReadingWhole = true;
    // Those who come in the same turn share one reading.
    await new Promise((resolve) => setImmediate(resolve));
    while (!this.#hasEnded && this.#joiners.size > 0) {
      const waiting = [...this.#joiners.values()];
      for (const joiner of waiting) joiner.kept = [];
      const source = this.#open();
      const { done, value } = await source.next();
      void source.return?.();
      if (this.#hasEnded) break;
      this.#counts.executions++;
      const whole: SharedResult = done ? { kind: 'complete' } : value;
      for (const joiner of waiting) this.#admit(joiner, whole);
    }
    this.#isReadingWhole = false;
  }

  #admit(joiner: Joiner, whole: SharedResult): void {
    // It has left, or has fallen behind while it joined: then the next reading is for it.
    if (this.#joiners.get(joiner.reader) !== joiner || joiner.kept === null) return;
    this.#joiners.delete(joiner.reader);
    for (const result of [whole, ...joiner.kept]) {
      if (!joiner.reader.take(result)) return;
      if (result.kind !== 'next') return;
    }
    this.#readers.add(joiner.reader);
  }
}
