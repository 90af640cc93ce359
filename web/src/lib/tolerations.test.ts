import { expect, test } from 'vitest';
import { type Toleration, tolerationLines, tolerationsOf } from './tolerations.ts';

const known: [string, Toleration][] = [
  ['dedicated=easel:NoSchedule', { key: 'dedicated', operator: 'Equal', value: 'easel', effect: 'NoSchedule' }],
  [
    'example.com/gpu:NoExecute for 300s',
    { key: 'example.com/gpu', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ],
  ['gpu', { key: 'gpu', operator: 'Exists' }],
  ['empty=', { key: 'empty', operator: 'Equal', value: '' }],
  ['*', { operator: 'Exists' }],
  ['*:NoSchedule', { operator: 'Exists', effect: 'NoSchedule' }],
];

test.each(known)('%s is read, and written again', (line, toleration) => {
  expect(tolerationsOf(line)).toEqual([toleration]);
  expect(tolerationLines([toleration])).toBe(line);
});

test('without an operator a key stands for its value, as Kubernetes reads it', () => {
  expect(tolerationLines([{ key: 'a', value: 'b' }])).toBe('a=b');
});

test.each(['a:Never', 'a b', '*=x', ':NoSchedule', 'a:NoSchedule for ever'])('%j is none', (line) => {
  expect(tolerationsOf(`gpu\n${line}`)).toBeNull();
});
