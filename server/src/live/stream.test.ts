import { describe, expect, it } from 'vitest';
import { liveStream } from './stream.ts';
import { Subscriber } from './subscriber.ts';

const changes = () => {
  let hasEnded = false;
  const subscriber = new Subscriber<string>({ resync: 'resync', maxPending: 10, onEnd: () => (hasEnded = true) });
  return { subscriber, hasEnded: () => hasEnded };
};
const value = <V>(given: V) => ({ done: false, value: given });
const done = { done: true, value: undefined };

describe('a live stream', () => {
  it('gives the whole first, then what each change makes of it', async () => {
    const { subscriber } = changes();
    const stream = liveStream(subscriber, async (change) => (change === null ? ['all'] : [`${change}1`, `${change}2`]));
    subscriber.push('a', 'a');
    expect(await stream.next()).toEqual(value('all'));
    expect(await stream.next()).toEqual(value('a1'));
    expect(await stream.next()).toEqual(value('a2'));
  });

  it('passes over a change that makes nothing', async () => {
    const { subscriber } = changes();
    const stream = liveStream(subscriber, async (change) => (change === 'a' ? [] : [change]));
    await stream.next();
    subscriber.push('a', 'a');
    subscriber.push('b', 'b');
    expect(await stream.next()).toEqual(value('b'));
  });

  it('ends in the middle of a wait, and lets go of its source', async () => {
    const { subscriber, hasEnded } = changes();
    const stream = liveStream(subscriber, async () => ['all']);
    await stream.next();
    const next = stream.next();
    await stream.return?.();
    expect(await next).toEqual(done);
    expect(hasEnded()).toBe(true);
  });

  it('ends in the middle of a read', async () => {
    const { subscriber, hasEnded } = changes();
    const reading = Promise.withResolvers<string[]>();
    const stream = liveStream(subscriber, () => reading.promise);
    const next = stream.next();
    await stream.return?.();
    reading.resolve(['late']);
    expect(await next).toEqual(done);
    expect(hasEnded()).toBe(true);
  });

  it('gives the last values and ends by itself', async () => {
    const { subscriber, hasEnded } = changes();
    const stream = liveStream(subscriber, async (change) => (change === null ? ['all'] : { last: ['gone'] }));
    subscriber.push('a', 'a');
    expect([await stream.next(), await stream.next(), await stream.next()]).toEqual([
      value('all'),
      value('gone'),
      done,
    ]);
    expect(hasEnded()).toBe(true);
  });

  it('fails with its read, and lets go of its source', async () => {
    const { subscriber, hasEnded } = changes();
    const stream = liveStream(subscriber, () => Promise.reject(new Error('no database')));
    await expect(stream.next()).rejects.toThrow('no database');
    expect(hasEnded()).toBe(true);
    expect(await stream.next()).toEqual(done);
  });
});
