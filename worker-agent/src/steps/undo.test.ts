import { fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { expect, test } from 'vitest';
import { Undo } from './undo.ts';

function undoOf() {
  const clock = fakeClock();
  return { clock, undo: new Undo({ log: silentLog, clock }) };
}

test('takes back in reverse order, once', async () => {
  const { undo } = undoOf();
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    undo.add(name, async () => {
      seen.push(name);
      return { isClean: true };
    });
  }
  expect(await undo.run(1_000)).toEqual({ isClean: true });
  expect(await undo.run(1_000)).toEqual({ isClean: true });
  expect(seen).toEqual(['c', 'b', 'a']);
});

test('one that throws does not keep the others, and the end is not clean', async () => {
  const { undo } = undoOf();
  let isDone = false;
  undo.add('fine', async () => {
    isDone = true;
    return { isClean: true };
  });
  undo.add('broken', () => Promise.reject(new Error('broken')));
  expect(await undo.run(1_000)).toEqual({ isClean: false });
  expect(isDone).toBe(true);
});

test('one that hangs is left behind, and the time it took is gone for the next', async () => {
  const { clock, undo } = undoOf();
  const given: number[] = [];
  undo.add('next', async (softMs) => {
    given.push(softMs);
    return { isClean: true };
  });
  undo.add('hangs', (softMs) => {
    given.push(softMs);
    return new Promise(() => undefined);
  });
  const run = undo.run(2_000);
  await clock.advance(17_000);
  expect(await run).toEqual({ isClean: false });
  expect(given).toEqual([2_000, 0]);
  expect(clock.pending).toBe(0);
});
