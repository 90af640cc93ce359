/** Operations while they run: how their results reach the socket, and how they end. */
import { nextHead } from './graphql-protocol.ts';
import type { Outbox } from './outbox.ts';
import type { OpenSource, SharedReader, SharedResult } from './shared-subscription.ts';

/** A running operation, as its socket sees it. */
export interface Running {
  end(): void;
  /** The client reads again after it had fallen behind. */
  resume(): void;
}

/**
 * The way of one operation's results to its socket. A class, and as flat as can be: its `take` is called for every event and
 * every socket.
 */
export class Delivery implements SharedReader {
  readonly #id: string;
  readonly #head: Buffer;
  readonly #outbox: Outbox;
  readonly #onBehind: () => void;
  readonly #conclude: (id: string, result: Exclude<SharedResult, { kind: 'next' }>) => void;

  constructor(options: {
    id: string;
    outbox: Outbox;
    onBehind: () => void;
    conclude: (id: string, result: Exclude<SharedResult, { kind: 'next' }>) => void;
  }) {
    this.#id = options.id;
    this.#head = nextHead(options.id);
    this.#outbox = options.outbox;
    this.#onBehind = options.onBehind;
    this.#conclude = options.conclude;
  }

  /** Sends the result on. False when the client is behind, and it was left out. */
  take(result: SharedResult): boolean {
    if (result.kind !== 'next') {
      this.#conclude(this.#id, result);
      return true;
    }
    if (this.#outbox.isBehind) {
      this.#onBehind();
      return false;
    }
    this.#outbox.sendParts(this.#head, result.tail);
    return true;
  }

  /** Sends it even to a slow reader. */
  force(tail: Buffer): void {
    this.#outbox.sendParts(this.#head, tail);
  }
}

/** A query or a mutation. Its answer is sent even to a slow reader: it asked for it, and few run at once. */
export function startSingle(delivery: Delivery, run: () => Promise<Buffer>, fail: (err: unknown) => void): Running {
  let hasEnded = false;
  run().then(
    (tail) => {
      if (hasEnded) return;
      delivery.force(tail);
      delivery.take({ kind: 'complete' });
    },
    (err) => {
      if (!hasEnded) fail(err);
    },
  );
  return {
    end: () => {
      hasEnded = true;
    },
    resume: () => undefined,
  };
}

/** A subscription of this reader's own: the next event is asked for only when the last one was taken. */
export function startStream(delivery: Delivery, open: OpenSource, fail: (err: unknown) => void): Running {
  const source = open();
  let hasEnded = false;
  let resumed: (() => void) | undefined;
  const pump = async () => {
    while (!hasEnded) {
      const { done, value } = await source.next();
      if (hasEnded) return;
      const result: SharedResult = done ? { kind: 'complete' } : value;
      while (!delivery.take(result)) {
        if (hasEnded) return;
        await new Promise<void>((resolve) => {
          resumed = resolve;
        });
      }
    }
  };
  pump().catch(fail);
  return {
    end: () => {
      hasEnded = true;
      resumed?.();
      void source.return?.();
    },
    resume: () => resumed?.(),
  };
}
