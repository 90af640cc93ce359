import { expect, test } from 'vitest';
import { itemsOf, linesOf, pairsOf } from './pair-lines.ts';

test('pairs go through lines and back unchanged', () => {
  const pairs = { 'example.com/a': 'b', EMPTY: '', EQUALS: 'a=b', LINES: 'one\ntwo', SPACES: ' x ', QUOTES: '"x"' };
  expect(pairsOf(linesOf(pairs))).toEqual(pairs);
});

test('blank lines do not count, spaces around do not matter', () => {
  expect(pairsOf(' a = 1 \n\n  \nb=2')).toEqual({ a: '1', b: '2' });
  expect(itemsOf(' one \n\n two')).toEqual(['one', 'two']);
});

test.each(['a', '=b', 'a=1\nno pair'])('%j is no list of pairs', (text) => expect(pairsOf(text)).toBeNull());

test('quotes that are no JSON belong to the value', () => {
  expect(pairsOf('a="x\\y"')).toEqual({ a: '"x\\y"' });
});
