import { fakeClock } from '@easel/kit/fake-clock';
import { expect, test } from 'vitest';
import { Paced } from './paced.ts';

test('gives the last outcome at once and looks again when it is old, never twice at a time', async () => {
  const clock = fakeClock();
  let looks = 0;
  const look = async () => {
    await clock.sleep(100);
    return ++looks;
  };
  const paced = new Paced({ look, initial: 0, everyMs: 10_000, clock });
  expect([paced.get(), paced.get()]).toEqual([0, 0]);
  await clock.advance(100);
  expect([paced.get(), looks]).toEqual([1, 1]);
  await clock.advance(9_900);
  expect(paced.get()).toBe(1);
  await clock.advance(100);
  paced.get();
  await clock.advance(100);
  expect(paced.get()).toBe(2);
});

test('what takes long is looked at rarely', async () => {
  const clock = fakeClock();
  let looks = 0;
  const look = async () => {
    looks++;
    await clock.sleep(2_000);
    return looks;
  };
  const paced = new Paced({ look, initial: 0, everyMs: 10_000, clock });
  for (let i = 0; i < 42; i++) {
    paced.get();
    await clock.advance(1_000);
  }
  expect(looks).toBe(1);
  paced.get();
  await clock.advance(1_000);
  expect(looks).toBe(2);
});

test('a failed look keeps what was seen', async () => {
  const clock = fakeClock();
  let isBroken = false;
  const look = async () => {
    if (isBroken) throw new Error('broken');
    return 'seen';
  };
  const paced = new Paced({ look, initial: 'nothing', everyMs: 1_000, clock });
  paced.get();
  await clock.advance(1_000);
  isBroken = true;
  paced.get();
  await clock.advance(1_000);
  expect(paced.get()).toBe('seen');
});
