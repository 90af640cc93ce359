import { expect, it } from 'vitest';
import { cut, duration, parseSize, relative, size } from './format.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00Z');

it.each([
  ['2026-11-23T12:00:00Z', 'now'],
  ['2026-11-23T11:59:30Z', '30s ago'],
  ['2026-11-23T11:01:00Z', '59m ago'],
  ['2026-11-22T00:00:00Z', '36h ago'],
  ['2026-11-01T12:00:00Z', '22d ago'],
  ['2026-11-26T12:00:00Z', 'in 3d'],
  [null, '-'],
  ['nonsense', '-'],
])('tells %s as %s', (instant, text) => expect(relative(instant, NOW_MS)).toBe(text));

it.each([
  [0, '0ms'],
  [85.4, '85ms'],
  [1234, '1.2s'],
  [59_949, '59.9s'],
  [59_950, '1m 0s'],
  [123_000, '2m 3s'],
  [7_380_000, '2h 3m'],
])('tells %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text));

it.each([
  [512, '512 B'],
  [1536, '1.5 KiB'],
  [200 * 1024 ** 2, '200 MiB'],
  [3.25 * 1024 ** 3, '3.3 GiB'],
])('tells %d bytes as %s', (bytes, text) => expect(size(bytes)).toBe(text));

it('cuts a line to the width of a terminal', () => {
  expect(cut('provisioning', 6)).toBe('provi…');
  expect(cut('short', 6)).toBe('short');
});

it.each([
  ['40GiB', 40 * 1024 ** 3],
  ['1.5 TB', 1.5 * 1024 ** 4],
  ['512m', 512 * 1024 ** 2],
  ['40', null],
  ['-1G', null],
  ['many', null],
])('reads the size %s as %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));
