import { expect, it } from 'vitest';
import type { Changed } from './live.ts';
import { mergeHints } from './merged.ts';
import { Subscriber } from './subscriber.ts';

function topics() {
  const open = new Map<string, Subscriber<Changed>>();
  const opener = (name: string) => () => {
    const subscriber = new Subscriber<Changed>({
      resync: { kind: 'resync' },
      maxPending: 10,
      onEnd: () => open.delete(name),
    });
    open.set(name, subscriber);
    return subscriber;
  };
  return {
    open,
    of: (...names: string[]) => new Map(names.map((name) => [name, opener(name)])),
    push: (name: string) => open.get(name)?.push('x', { kind: 'changed' }),
  };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('tells of each thing that it follows, once for what comes before it is read', async () => {
  const { of, push } = topics();
  const merged = mergeHints();
  merged.follow(of('a', 'b'));
  const first = merged.next();
  push('a');
  expect(await first).toEqual({ done: false, value: { kind: 'changed' } });
  push('a');
  push('b');
  await turn();
  expect((await merged.next()).done).toBe(false);
  const last = merged.next();
  await merged.return?.();
  expect((await last).done).toBe(true);
});

it('lets go of what is not named any more, and of all at its end', async () => {
  const { of, open } = topics();
  const merged = mergeHints();
  merged.follow(of('a', 'b'));
  merged.follow(of('b', 'c'));
  expect([...open.keys()].sort()).toEqual(['b', 'c']);
  await merged.return?.();
  expect(open.size).toBe(0);
  merged.follow(of('d'));
  expect(open.size).toBe(0);
});
