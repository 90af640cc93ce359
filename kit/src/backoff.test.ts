import { expect, it } from 'vitest';
import { fullJitter, retry } from './backoff.ts';
import { fakeClock } from './fake-clock.ts';

it('waits at most the doubled bound and never longer than the maximum', () => {
  const most = () => 0.999_999;
  const backoff = { baseMs: 100, maxMs: 1_000 };
  expect([0, 1, 2, 3, 4, 50, 2_000].map((attempt) => fullJitter(backoff, attempt, most))).toEqual([
    99, 199, 399, 799, 999, 999, 999,
  ]);
  expect(fullJitter(backoff, 5, () => 0)).toBe(0);
});

it('tries again until it succeeds', async () => {
  const clock = fakeClock();
  const waits: number[] = [];
  const result = retry(
    async (attempt) => {
      if (attempt < 2) throw new Error('not yet');
      return attempt;
    },
    { attempts: 5, clock, random: () => 0.5, onRetry: (_err, _attempt, waitMs) => waits.push(waitMs) },
  );
  await clock.advance(1_000);
  expect(await result).toBe(2);
  expect(waits).toEqual([50, 100]);
});

it('gives the last error when the attempts are used up', async () => {
  const clock = fakeClock();
  let calls = 0;
  const result = retry(
    async () => {
      throw new Error(`failure ${++calls}`);
    },
    { attempts: 3, clock },
  );
  const expectation = expect(result).rejects.toThrow('failure 3');
  await clock.advance(60_000);
  await expectation;
});

it('does not try again what is refused', async () => {
  let calls = 0;
  const refused = Object.assign(new Error('no'), { retryable: false });
  const result = retry(
    async () => {
      calls++;
      throw refused;
    },
    { attempts: 3 },
  );
  await expect(result).rejects.toBe(refused);
  expect(calls).toBe(1);
});

it('gives up its wait when the signal aborts', async () => {
  const clock = fakeClock();
  const controller = new AbortController();
  const result = retry(() => Promise.reject(new Error('no')), {
    attempts: 3,
    clock,
    signal: controller.signal,
    random: () => 0.9,
  });
  const expectation = expect(result).rejects.toThrow('enough');
  await clock.advance(0);
  controller.abort(new Error('enough'));
  await expectation;
  expect(clock.pending).toBe(0);
});
