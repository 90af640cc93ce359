import { expect, test } from 'vitest';
import { safeNext, signInPath } from './session.ts';

test.each([
  [null, '/'],
  ['/environments/env1?tab=log', '/environments/env1?tab=log'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['https://evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['/sign-in?code=x', '/'],
  ['/a b', '/'],
])('after sign-in %s leads to %s', (next, path) => {
  expect(safeNext(next)).toBe(path);
});

test('a lost session keeps the way back', () => {
  expect(signInPath({ pathname: '/', search: '' })).toBe('/sign-in');
  expect(signInPath({ pathname: '/templates', search: '?x=1' })).toBe('/sign-in?next=%2Ftemplates%3Fx%3D1');
});
