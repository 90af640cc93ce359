import { expect, it } from 'vitest';
import { gitOf, refuseLossOf } from './unsaved-work.ts';

const clean = { path: '/p', branch: 'main', commit: 'c', uncommitted: 0, unpushed: 0 };

it('lets go what every remote has, and what is not known', () => {
  refuseLossOf([]);
  refuseLossOf([clean, { ...clean, unpushed: null }]);
});

it.each([
  [{ ...clean, uncommitted: 1 }, '1 uncommitted change in /p (main)'],
  [{ ...clean, unpushed: 2, branch: null }, '2 unpushed commits in /p'],
  [{ ...clean, uncommitted: 3, unpushed: 1 }, '3 uncommitted changes and 1 unpushed commit in /p (main)'],
])('names what would be lost: %j', (status, words) => {
  expect(() => refuseLossOf([clean, status])).toThrow(`deleting would lose ${words}: push it first`);
});

it.each([null, undefined, {}, { git: 'x' }, { git: [{}] }])('reads nothing out of %j', (beat) => {
  expect(gitOf(beat)).toEqual([]);
});
