import { fakeClock } from '@easel/kit/fake-clock';
import { expect, it } from 'vitest';
import { Coalesced } from './coalesced.ts';

const MINUTE_MS = 60_000;

it('tells the first at once, and the others as a count when a quarter of an hour is over', async () => {
  const clock = fakeClock();
  const coalesced = new Coalesced<string>(clock);
  expect([1, 2, 3].map(() => coalesced.isFirst('a b', 'a', 'told'))).toEqual([true, false, false]);
  expect(coalesced.takeDue()).toEqual([]);
  await clock.advance(15 * MINUTE_MS);
  expect(coalesced.takeDue()).toMatchObject([{ item: 'told', count: 2 }]);
  expect(coalesced.takeDue()).toEqual([]);
  expect(coalesced.isFirst('a b', 'a', 'again')).toBe(true);
});

it('counts one who tries ever other things together, and others apart', () => {
  const coalesced = new Coalesced<string>(fakeClock());
  const told = Array.from({ length: 1000 }, (_, i) => coalesced.isFirst(`a ${i}`, 'a', `${i}`)).filter(Boolean);
  expect(told.length).toBe(21);
  expect(coalesced.isFirst('b 1', 'b', 'other')).toBe(true);
  expect(coalesced.takeDue(true)).toMatchObject([{ item: '20', count: 979 }]);
});

it('remembers so many, and tells the counts of those that it forgets', () => {
  const coalesced = new Coalesced<number>(fakeClock());
  coalesced.isFirst('first', 'first', -1);
  coalesced.isFirst('first', 'first', -1);
  for (let i = 0; i < 10_000; i++) coalesced.isFirst(`${i}`, `${i}`, i);
  expect(coalesced.takeDue()).toMatchObject([{ item: -1, count: 1 }]);
});
