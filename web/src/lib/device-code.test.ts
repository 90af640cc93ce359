import { expect, it } from 'vitest';
import { looksLikeCode, shownCode } from './device-code.ts';

it.each(['BCDF-GHJK', 'bcdf ghjk', 'zxwvtsrq'])('takes %s', (typed) => expect(looksLikeCode(typed)).toBe(true));
it.each(['', 'BCDF-GHJ', 'ABCD-EFGH', 'BCDF-GHJKL', 'BCDF-GHJ1'])('does not take %j', (typed) =>
  expect(looksLikeCode(typed)).toBe(false),
);
it('shows a code as the command does', () => expect(shownCode(' bcdfghjk')).toBe('BCDF-GHJK'));
