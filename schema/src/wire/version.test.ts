import { expect, it } from 'vitest';
import { negotiate, WORKER_PROTOCOL } from './version.ts';

it('takes the newest version that both speak', () => {
  expect(negotiate({ oldest: 1, newest: WORKER_PROTOCOL.newest + 5 })).toBe(WORKER_PROTOCOL.newest);
  expect(negotiate(WORKER_PROTOCOL)).toBe(WORKER_PROTOCOL.newest);
});

it('finds none where the ranges do not meet', () => {
  expect(negotiate({ oldest: WORKER_PROTOCOL.newest + 1, newest: WORKER_PROTOCOL.newest + 2 })).toBeNull();
  expect(negotiate({ oldest: 0, newest: WORKER_PROTOCOL.oldest - 1 })).toBeNull();
});
