import { describe, expect, it } from 'vitest';
import {
  createSharedSubscriptions,
  type OpenSource,
  type SharedReader,
  type SharedResult,
} from './shared-subscription.ts';

const turn = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Sources of a changing number: each first tells the whole, then every change. */
function numbers() {
  let value = 0;
  let opened = 0;
  const open = new Set<{ queue: SharedResult[]; wake: (() => void) | undefined; isDone: boolean }>();
  const result = (text: string): SharedResult => ({ kind: 'next', tail: Buffer.from(text) });
  const source: OpenSource = () => {
    opened++;
    const own = { queue: [result(`whole ${value}`)], wake: undefined as (() => void) | undefined, isDone: false };
    open.add(own);
    return {
      async next() {
        while (own.queue.length === 0 && !own.isDone) await new Promise<void>((resolve) => (own.wake = resolve));
        const next = own.queue.shift();
        return next ? { done: false, value: next } : { done: true, value: undefined };
      },
      async return() {
        own.isDone = true;
        open.delete(own);
        own.wake?.();
        return { done: true, value: undefined };
      },
    };
  };
  const all = (change: (own: { queue: SharedResult[]; isDone: boolean }) => void) => {
    for (const own of open) {
      change(own);
      own.wake?.();
    }
  };
  return {
    source,
    change: () => {
      value++;
      all((own) => own.queue.push(result(`change ${value}`)));
    },
    fail: () => all((own) => own.queue.push({ kind: 'error', errors: [] })),
    finish: () =>
      all((own) => {
        own.isDone = true;
      }),
    opened: () => opened,
    open: () => open.size,
  };
}

function reader() {
  const seen: string[] = [];
  const state = { isFull: false };
  const take: SharedReader['take'] = (result) => {
    if (state.isFull && result.kind === 'next') return false;
    seen.push(result.kind === 'next' ? result.tail.toString() : result.kind);
    return true;
  };
  return { take, seen, state };
}

describe('shared subscriptions', () => {
  it('execute each event once for all readers of a key', async () => {
    const [shared, given] = [createSharedSubscriptions(), numbers()];
    const readers = Array.from({ length: 100 }, reader);
    const first = shared.join('k', given.source, readers[0]!);
    await turn();
    for (const other of readers.slice(1)) shared.join('k', given.source, other);
    await turn();
    const before = shared.executions;
    given.change();
    await turn();
    given.change();
    await turn();
    expect(shared.executions - before).toBe(2);
    expect(shared.groups).toBe(1);
    for (const { seen } of readers) expect(seen).toEqual(['whole 0', 'change 1', 'change 2']);
    // One for the first, one for all who came later; only the first one is still open.
    expect(given.opened()).toBe(2);
    expect(given.open()).toBe(1);
    first.leave();
  });

  it('keep readers of different keys apart', async () => {
    const [shared, given, other] = [createSharedSubscriptions(), numbers(), numbers()];
    const [a, b] = [reader(), reader()];
    shared.join('a', given.source, a);
    shared.join('b', other.source, b);
    await turn();
    given.change();
    await turn();
    expect(a.seen).toEqual(['whole 0', 'change 1']);
    expect(b.seen).toEqual(['whole 0']);
  });

  it('tell a joiner the whole, and no change twice or not at all', async () => {
    const [shared, given] = [createSharedSubscriptions(), numbers()];
    const first = reader();
    shared.join('k', given.source, first);
    await turn();
    const late: ReturnType<typeof reader>[] = [];
    for (let i = 0; i < 30; i++) {
      const one = reader();
      late.push(one);
      shared.join('k', given.source, one);
      given.change();
      if (i % 3 === 0) await turn();
      given.change();
    }
    await turn();
    for (const { seen } of late) {
      const numbersSeen = seen.map((text) => Number(text.split(' ')[1]));
      expect(seen[0]).toMatch(/^whole/);
      expect(seen.slice(1).every((text) => text.startsWith('change'))).toBe(true);
      expect(numbersSeen.at(-1)).toBe(60);
      // What follows the whole is without holes; what the whole had already may be told again.
      const changes = numbersSeen.slice(1);
      changes.forEach((n, i) => {
        if (i > 0) expect(n).toBe(changes[i - 1]! + 1);
      });
      if (changes.length > 0) expect(changes[0]).toBeLessThanOrEqual(numbersSeen[0]! + 1);
    }
  });

  it('leave out who cannot read, and give the whole when it reads again', async () => {
    const [shared, given] = [createSharedSubscriptions(), numbers()];
    const [slow, quick] = [reader(), reader()];
    shared.join('k', given.source, quick);
    const membership = shared.join('k', given.source, slow);
    await turn();
    slow.state.isFull = true;
    for (let i = 0; i < 5; i++) given.change();
    await turn();
    expect(slow.seen).toEqual(['whole 0']);
    slow.state.isFull = false;
    membership.rejoin();
    membership.rejoin();
    await turn();
    given.change();
    await turn();
    expect(slow.seen).toEqual(['whole 0', 'whole 5', 'change 6']);
    expect(quick.seen).toHaveLength(7);
  });

  it('close the source when the last reader has left', async () => {
    const [shared, given] = [createSharedSubscriptions(), numbers()];
    const memberships = [reader(), reader()].map((one) => shared.join('k', given.source, one));
    await turn();
    memberships[0]!.leave();
    memberships[0]!.leave();
    expect(given.open()).toBe(1);
    memberships[1]!.leave();
    await turn();
    expect(given.open()).toBe(0);
    expect(shared.groups).toBe(0);
  });

  it.each(['error', 'complete'] as const)(
    'tell everybody of the %s, joiners too, and open anew for the next',
    async (kind) => {
      const [shared, given] = [createSharedSubscriptions(), numbers()];
      const [first, joiner, next] = [reader(), reader(), reader()];
      shared.join('k', given.source, first);
      await turn();
      if (kind === 'error') given.fail();
      else given.finish();
      shared.join('k', given.source, joiner);
      await turn();
      expect(first.seen).toEqual(['whole 0', kind]);
      expect(joiner.seen.at(-1)).toBe(kind);
      expect(shared.groups).toBe(0);
      shared.join('k', given.source, next);
      await turn();
      expect(next.seen).toEqual(['whole 0']);
    },
  );
});
