import { expect, test } from 'vitest';
import { columnsOf, rowOffsets, viewOf } from './log-layout.ts';

const lines = (...texts: string[]) => texts.map((plain) => ({ plain }));

test('without wrapping each line is a row', () => {
  const offsets = rowOffsets(lines('a', 'b'.repeat(500), ''), null);
  expect([...offsets]).toEqual([0, 1, 2, 3]);
});

test('wrapped lines take the rows they need, wide characters two columns', () => {
  expect([...rowOffsets(lines('a'.repeat(10), 'a'.repeat(11), '', '漢'.repeat(6)), 10)]).toEqual([0, 1, 3, 4, 6]);
  expect(columnsOf('naïve')).toBe(5);
  expect(columnsOf('✅ ok')).toBe(5);
});

test('only the lines in view and a margin are given', () => {
  const offsets = rowOffsets(lines(...Array.from({ length: 10_000 }, () => 'x')), null);
  expect(viewOf(offsets, 5000, 30, 10)).toEqual({ first: 4990, last: 5041, topRows: 4990, totalRows: 10_000 });
  expect(viewOf(offsets, 0, 30, 10)).toMatchObject({ first: 0, topRows: 0 });
  expect(viewOf(offsets, 9_990, 30, 10)).toMatchObject({ last: 10_000 });
});

test('an empty log has an empty view', () => {
  expect(viewOf(rowOffsets([], null), 0, 30)).toEqual({ first: 0, last: 0, topRows: 0, totalRows: 0 });
});
