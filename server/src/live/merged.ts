/**
 * Hints from many things as one: `follow` says which, again and again as they come and go. What several tell before they
 * are read is one hint, since the reader reads everything anew.
 */
import type { Changed } from './live.ts';

export interface Merged extends AsyncIterableIterator<Changed> {
  /** From now on these, by name; what is not named any more ends. */
  follow(topics: ReadonlyMap<string, () => AsyncIterableIterator<Changed>>): void;
}

export function mergeHints(): Merged {
  const followed = new Map<string, AsyncIterableIterator<Changed>>();
  let isPending = false;
  let hasEnded = false;
  let waiting: ((result: IteratorResult<Changed, undefined>) => void) | null = null;

  const tell = () => {
    const reader = waiting;
    waiting = null;
    if (reader) reader({ done: false, value: { kind: 'changed' } });
    else isPending = true;
  };
  const pump = async (topic: AsyncIterableIterator<Changed>) => {
    for await (const _ of topic) tell();
  };
  return {
    follow(topics) {
      if (hasEnded) return;
      for (const [name, topic] of followed) {
        if (topics.has(name)) continue;
        followed.delete(name);
        void topic.return?.();
      }
      for (const [name, open] of topics) {
        if (followed.has(name)) continue;
        const topic = open();
        followed.set(name, topic);
        void pump(topic);
      }
    },
    next() {
      if (hasEnded) return Promise.resolve({ done: true, value: undefined });
      if (isPending) {
        isPending = false;
        return Promise.resolve({ done: false, value: { kind: 'changed' } });
      }
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    async return() {
      hasEnded = true;
      for (const topic of followed.values()) void topic.return?.();
      followed.clear();
      waiting?.({ done: true, value: undefined });
      waiting = null;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
