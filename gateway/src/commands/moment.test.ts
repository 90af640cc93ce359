import { expect, it } from 'vitest';
import { endOf, momentOf, parseLength } from './moment.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');

it('reads how long', () => {
  expect(['30m', '8h', '1d', '2w'].map((text) => (parseLength(text) ?? 0) / 60_000)).toEqual([30, 480, 1440, 20_160]);
  for (const text of ['', '8', 'h', '1y', '-1d', '1.5h', '1d2h', '999999d']) expect(parseLength(text)).toBeNull();
});

it('reads when, a day beginning in UTC', () => {
  expect(momentOf('2026-11-24', '--from')).toBe('2026-11-24T00:00:00.000Z');
  expect(momentOf('2026-11-24T10:00+02:00', '--from')).toBe('2026-11-24T08:00:00.000Z');
  for (const text of ['yesterday', '11/24/2026', '2026-13-01', '1'])
    expect(() => momentOf(text, '--from')).toThrow(/^--from takes a day or a moment/);
});

it('reads an end as either', () => {
  expect(endOf('90d', '--expires', NOW)).toBe('2027-02-26T12:00:00.000Z');
  expect(endOf('2027-01-01', '--expires', NOW)).toBe('2027-01-01T00:00:00.000Z');
  expect(() => endOf('soon', '--expires', NOW)).toThrow(/^--expires takes/);
});
