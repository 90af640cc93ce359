import { fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { expect, it } from 'vitest';
import type { Queryable } from '../db.ts';
import { createSteady, watchSilence } from './silence.ts';

/** A watch whose database says that one worker is silent, or that it is away. */
function watch(lostMs: number) {
  const clock = fakeClock(1_000_000);
  const ending = new AbortController();
  const state = { looks: 0, isAway: false };
  const database = {
    query: async () => {
      if (state.isAway) throw new Error('away');
      state.looks++;
      return { rows: [] };
    },
  } as unknown as Queryable;
  const steady = createSteady(clock);
  const done = watchSilence(
    {
      db: {} as never,
      database,
      facts: { workerSilent: async () => true, workerHeard: async () => true },
      heard: { takeSilent: () => [], has: () => false, behindMs: 0 },
      steady,
      lostMs,
      log: silentLog,
      clock,
    },
    ending.signal,
  );
  const end = () => {
    ending.abort();
    return done;
  };
  return { clock, state, steady, end };
}

it('looks only after it has been steady for the limit', async () => {
  const { clock, state, end } = watch(30_000);
  await clock.advance(29_000);
  expect(state.looks).toBe(0);
  await clock.advance(3_000);
  expect(state.looks).toBeGreaterThan(0);
  await end();
});

it('gives workers the time again after the database was away', async () => {
  const { clock, state, end } = watch(30_000);
  await clock.advance(40_000);
  state.isAway = true;
  await clock.advance(5_000);
  state.isAway = false;
  const before = state.looks;
  await clock.advance(25_000);
  expect(state.looks).toBe(before);
  await clock.advance(10_000);
  expect(state.looks).toBeGreaterThan(before);
  await end();
});

it('gives workers the time again after heartbeats could not be stored', async () => {
  const { clock, state, steady, end } = watch(30_000);
  await clock.advance(40_000);
  const before = state.looks;
  steady.reset();
  await clock.advance(29_000);
  expect(state.looks).toBe(before);
  await clock.advance(5_000);
  expect(state.looks).toBeGreaterThan(before);
  await end();
});
