import { expect, it } from 'vitest';
import { exportPath, filterOf, searchOf } from './audit-filter.ts';

const NONE = { actor: '', action: '', thing: '', outcome: '', from: '', to: '' };

it('filters nothing by what is empty, and takes the last day as a whole', () => {
  expect(Object.values(filterOf(NONE))).toEqual([null, null, null, null, null, null]);
  const { from, to, actor } = filterOf({ ...NONE, actor: ' ada ', from: '2026-11-30', to: '2026-11-30' });
  expect(actor).toBe('ada');
  expect(Date.parse(to ?? '') - Date.parse(from ?? '')).toBe(86_400_000);
});

it('begins with what its address says', () => {
  expect(searchOf(new URLSearchParams('outcome=QUOTA_EXCEEDED&actor=ada'))).toEqual({
    ...NONE,
    outcome: 'QUOTA_EXCEEDED',
    actor: 'ada',
  });
});

it('exports by the same filter', () => {
  const filter = { ...filterOf(NONE), thing: 'a & b', outcome: 'refused' };
  expect(exportPath('csv', filter)).toBe('/audit/export?format=csv&thing=a+%26+b&outcome=refused');
});
