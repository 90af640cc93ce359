import { expect, it } from 'vitest';
import { ID_PREFIXES, type IdKind, idSchema, isId, kindOf, newId } from './ids.ts';

const kinds = Object.keys(ID_PREFIXES) as IdKind[];

it('names each kind by a prefix of its own', () => {
  expect(new Set(Object.values(ID_PREFIXES)).size).toBe(kinds.length);
});

it.each(kinds)('makes an id of kind %s that is recognised as that kind alone', (kind) => {
  const id = newId(kind);
  expect(kindOf(id)).toBe(kind);
  expect(kinds.filter((other) => isId(other, id))).toEqual([kind]);
  expect(idSchema(kind).parse(id)).toBe(id);
});

it('sorts by the time of birth', () => {
  const ids = [0, 1, 999, 1_700_000_000_000, 1_700_000_000_001].map((nowMs) => newId('worker', nowMs));
  expect(ids.toSorted()).toEqual(ids);
});

it('never makes the same id twice in the same moment', () => {
  expect(new Set(Array.from({ length: 10_000 }, () => newId('event', 5))).size).toBe(10_000);
});

it('is a name that Kubernetes, Docker and folders take as it stands', () => {
  expect(newId('environment')).toMatch(/^[a-z][a-z0-9]{28}$/);
});

it.each([
  '',
  'env',
  'env1',
  `ENV${'0'.repeat(26)}`,
  `env${'0'.repeat(25)}`,
  `env${'0'.repeat(27)}`,
  `env${'i'.repeat(26)}`,
  `env${'0'.repeat(25)}\n`,
  `env${'0'.repeat(25)}/`,
  `../${newId('environment')}`,
])('does not take %j for an environment', (text) => {
  expect(isId('environment', text)).toBe(false);
  expect(idSchema('environment').safeParse(text).success).toBe(false);
});
