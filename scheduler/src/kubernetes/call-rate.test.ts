import { fakeClock } from '@easel/kit/fake-clock';
import { expect, test } from 'vitest';
import { CallRate } from './call-rate.ts';

const never = new AbortController().signal;

test('a burst at once, then one after the other, and no more than the rate', async () => {
  const clock = fakeClock();
  const rate = new CallRate({ perSecond: 10, burst: 5 }, clock);
  let gone = 0;
  for (let n = 0; n < 50; n++) void rate.turn(never).then(() => gone++);
  await clock.advance(0);
  expect(gone).toBe(5);
  await clock.advance(1_000);
  expect(gone).toBe(15);
  await clock.advance(60_000);
  expect(gone).toBe(50);
  expect(clock.pending).toBe(0);
});

test('what is begun is finished before more is begun', async () => {
  const clock = fakeClock();
  const rate = new CallRate({ perSecond: 10, burst: 1 }, clock);
  const order: string[] = [];
  const take = (name: string, isBeginning: boolean) => void rate.turn(never, isBeginning).then(() => order.push(name));
  for (const name of ['first', 'a', 'b']) take(name, true);
  take('pod', false);
  await clock.advance(1_000);
  expect(order).toEqual(['first', 'pod', 'a', 'b']);
});

test('who gives up takes no turn', async () => {
  const clock = fakeClock();
  const rate = new CallRate({ perSecond: 1, burst: 1 }, clock);
  const leaving = new AbortController();
  await rate.turn(never);
  const left = expect(rate.turn(leaving.signal)).rejects.toThrow('enough');
  let isServed = false;
  void rate.turn(never).then(() => {
    isServed = true;
  });
  leaving.abort(new Error('enough'));
  await left;
  await clock.advance(1_000);
  expect(isServed).toBe(true);
});

test('a clock that is set back stops nobody', async () => {
  let nowMs = 10_000;
  const clock = fakeClock();
  const rate = new CallRate({ perSecond: 10, burst: 1 }, { ...clock, now: () => nowMs });
  await rate.turn(never);
  nowMs = 0;
  const next = rate.turn(never);
  nowMs = 100;
  await clock.advance(100);
  await next;
});
