import { expect, it } from 'vitest';
import { offeredLifetimes, offeredScopes } from './scopes.ts';

const scopes = [
  { name: 'read', description: '', includes: ['environment.view'] },
  { name: 'account', description: '', includes: [] },
  { name: 'environment.view', description: '', includes: [] },
  { name: 'user.edit', description: '', includes: [] },
];
const names = (list: { name: string }[]) => list.map(({ name }) => name);

it('offers sets, what is everybody’s own, and what the owner holds', () => {
  const { sets, single } = offeredScopes(scopes, ['environment.view']);
  expect([names(sets), names(single)]).toEqual([['read'], ['account', 'environment.view']]);
  expect(names(offeredScopes(scopes, null).single)).toEqual(['account', 'environment.view', 'user.edit']);
});

it('offers lifetimes up to the longest that is allowed', () => {
  expect(offeredLifetimes(0)).toEqual([7, 30, 90, 365, 0]);
  expect(offeredLifetimes(60)).toEqual([7, 30, 60]);
  expect(offeredLifetimes(3)).toEqual([3]);
});
