import { fakeClock } from '@easel/kit/fake-clock';
import type { AppError } from '@easel/schema/errors';
import { expect, it } from 'vitest';
import { RateLimit } from './rate-limit.ts';

function attempt(limit: RateLimit, key: string): AppError | null {
  try {
    limit.check(key);
    limit.count(key);
    return null;
  } catch (err) {
    return err as AppError;
  }
}

it('lets a key through until its window is used up, and again after it', async () => {
  const clock = fakeClock();
  const limit = new RateLimit({ max: 3, windowSeconds: 60, clock });
  expect([1, 2, 3].map(() => attempt(limit, 'a'))).toEqual([null, null, null]);
  await clock.advance(20_000);
  expect(attempt(limit, 'a')).toMatchObject({ code: 'RATE_LIMITED', details: { retryAfterSeconds: 40 } });
  expect(attempt(limit, 'b')).toBeNull();
  await clock.advance(40_000);
  expect(attempt(limit, 'a')).toBeNull();
});
