import { expect, it } from 'vitest';
import { changesIn, factsIn } from './audit-details.ts';

it('tells before and after, and of lists what went and what came', () => {
  const changes = {
    name: { from: 'a', to: 'b' },
    'spec.cpus': { from: 1, to: 4 },
    disabledAt: { from: null, to: '2026-11-28' },
    groups: { from: ['one', 'two'], to: ['two', 'three'] },
    'spec.env': { from: { A: 1 }, to: {} },
  };
  expect(changesIn({ id: 'x', changes })).toEqual([
    { field: 'name', from: ['a'], to: ['b'] },
    { field: 'spec.cpus', from: ['1'], to: ['4'] },
    { field: 'disabledAt', from: [], to: ['2026-11-28'] },
    { field: 'groups', from: ['one'], to: ['three'] },
    { field: 'spec.env', from: ['{\n "A": 1\n}'], to: ['{}'] },
  ]);
});

it('tells what was asked for by its path, without the changes', () => {
  const details = { id: 'x', input: { name: 'a', tags: ['b', 'c'], nothing: null, on: false }, changes: {} };
  expect(factsIn(details)).toEqual([
    { name: 'id', text: 'x' },
    { name: 'input.name', text: 'a' },
    { name: 'input.tags', text: 'b, c' },
    { name: 'input.on', text: 'false' },
  ]);
});

it.each([null, undefined, 'text', [], {}, { changes: 'none' }])('takes %j for nothing', (details) => {
  expect(changesIn(details)).toEqual([]);
  if (!details || Array.isArray(details) || typeof details === 'string') expect(factsIn(details)).toEqual([]);
});
