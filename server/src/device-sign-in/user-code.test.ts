import { expect, it } from 'vitest';
import { newUserCode, parseUserCode } from './user-code.ts';

it('is eight consonants in two groups', () => {
  for (let i = 0; i < 200; i++) expect(newUserCode()).toMatch(/^[BCDFGHJ-NP-TV-XZ]{4}-[BCDFGHJ-NP-TV-XZ]{4}$/);
});

it('is the same however it is typed', () => {
  for (const typed of ['BCDF-GHJK', 'bcdfghjk', ' bcdf ghjk ', 'b-c-d-f-g-h-j-k']) {
    expect(parseUserCode(typed)).toBe('BCDFGHJK');
  }
});

it.each(['', 'BCDF-GHJ', 'BCDF-GHJKL', 'ABCD-EFGH', 'BCDF-GH1K', 'ＢＣＤＦ-GHJK'])('is not %j', (typed) => {
  expect(parseUserCode(typed)).toBeNull();
});
