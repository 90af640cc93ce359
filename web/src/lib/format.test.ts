import { expect, test } from 'vitest';
import { formatAgo, formatBytes, formatCpus, formatDuration, formatPlural } from './format.ts';

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [512, '512 bytes'],
  [1024, '1 kB'],
  [1536, '1.5 kB'],
  [1024 ** 2 * 40, '40 MB'],
  [1024 ** 3 * 7.5, '7.5 GB'],
  [1024 ** 3 - 1, '1 GB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0 ms'],
  [840, '840 ms'],
  [4_230, '4.2 sec'],
  [42_000, '42 sec'],
  [59_800, '1 min'],
  [185_000, '3 min 5 sec'],
  [7_440_000, '2 hr 4 min'],
  [273_600_000, '3 days 4 hr'],
  [-5, '0 ms'],
])('%d ms read as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('moments are told from now', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  expect(formatAgo('2026-11-23T11:59:50Z', now)).toBe('just now');
  expect(formatAgo('2026-11-23T11:57:00Z', now)).toBe('3 minutes ago');
  expect(formatAgo('2026-11-22T11:00:00Z', now)).toBe('yesterday');
  expect(formatAgo('2026-11-25T12:00:00Z', now)).toBe('in 2 days');
});

test('counts take the right word', () => {
  expect(formatPlural(1, 'commit', 'commits')).toBe('1 commit');
  expect(formatPlural(1200, 'commit', 'commits')).toBe('1,200 commits');
  expect(formatCpus(1)).toBe('1 core');
  expect(formatCpus(0.126)).toBe('0.13 cores');
});
