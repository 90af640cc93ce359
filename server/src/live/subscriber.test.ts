import { describe, expect, it } from 'vitest';
import { Subscriber } from './subscriber.ts';

const make = (maxPending = 3) => {
  let ends = 0;
  const subscriber = new Subscriber<string>({ resync: 'resync', maxPending, onEnd: () => ends++ });
  const pending = async () => {
    const seen: string[] = [];
    for (;;) {
      const next = await Promise.race([subscriber.next(), new Promise<null>((resolve) => setImmediate(resolve, null))]);
      if (next === null || next.done) return seen;
      seen.push(next.value);
    }
  };
  return { subscriber, pending, ends: () => ends };
};

describe('the buffer of one reader', () => {
  it('gives changes in order, those of the same key once', async () => {
    const { subscriber, pending } = make();
    subscriber.push('a', 'a1');
    subscriber.push('b', 'b1');
    subscriber.push('a', 'a2');
    expect(await pending()).toEqual(['b1', 'a2']);
  });

  it('becomes one resync when the reader is too slow, and goes on after it', async () => {
    const { subscriber, pending } = make(3);
    for (const key of ['a', 'b', 'c', 'd', 'e']) subscriber.push(key, key);
    expect(await pending()).toEqual(['resync']);
    const { subscriber: other, pending: read } = make(3);
    other.push('a', 'a');
    other.resync();
    other.push('b', 'b');
    expect(await other.next()).toEqual({ done: false, value: 'resync' });
    other.push('c', 'c');
    expect(await read()).toEqual(['c']);
  });

  it('wakes a reader that waits', async () => {
    const { subscriber } = make();
    const next = subscriber.next();
    subscriber.push('a', 'a1');
    expect(await next).toEqual({ done: false, value: 'a1' });
  });

  it('ends at once, also while a reader waits, and only once', async () => {
    const { subscriber, ends } = make();
    const next = subscriber.next();
    await subscriber.return();
    await subscriber.return();
    expect(await next).toEqual({ done: true, value: undefined });
    subscriber.push('a', 'late');
    expect(await subscriber.next()).toEqual({ done: true, value: undefined });
    expect(ends()).toBe(1);
  });
});
