import { expect, test } from 'vitest';
import { bytesOf, checkInstanceType, emptyInstanceType, instanceTypeEntries } from './instance-type-form.ts';
import { shareText } from './instance-type-text.ts';
import type { InstanceType } from './operations/instance-types.ts';

const GIB = 1024 ** 3;
const stored: InstanceType = {
  id: 'typ1',
  name: 'gpu-large',
  description: 'For models',
  cpus: 7.5,
  memoryBytes: 0.5 * GIB,
  diskBytes: 100 * GIB,
  gpus: 1,
  gpuResource: 'nvidia.com/gpu',
  storageClass: 'fast',
  zone: 'eu-west-1a',
  nodeSelector: { 'example.com/pool': 'gpu' },
  serviceAccount: null,
  createdAt: '2026-11-23T12:00:00Z',
  environmentCount: 0,
};

test('a stored type goes through the form unchanged', () => {
  const { id: _id, createdAt: _at, environmentCount: _count, ...spec } = stored;
  expect(checkInstanceType(instanceTypeEntries(stored)).input).toEqual(spec);
});

test('empty cores and memory leave it to the platform', () => {
  const { input } = checkInstanceType({ ...emptyInstanceType(), name: 'free', cpus: '', memoryBytes: ' ' });
  expect(input).toMatchObject({ cpus: null, memoryBytes: null, diskBytes: 20 * GIB, gpus: 0 });
});

test('each error is told at its field, in the units of the form', () => {
  const { input, errors } = checkInstanceType({
    ...emptyInstanceType(),
    name: 'Big One',
    cpus: 'many',
    memoryBytes: '0.01',
    diskBytes: '0.5',
    gpus: '1.5',
    zone: 'a b',
    nodeSelector: 'pool',
  });
  expect(input).toBeNull();
  expect([...errors.keys()].sort()).toEqual(
    ['cpus', 'diskBytes', 'gpus', 'memoryBytes', 'name', 'nodeSelector', 'zone'].sort(),
  );
  expect(errors.get('memoryBytes')).toBe('Expected 0.125 to 24576 GB.');
});

test('sizes are read in units of 1024³ bytes', () => {
  expect([bytesOf('1.5'), bytesOf(' '), bytesOf('x')]).toEqual([1.5 * GIB, null, Number.NaN]);
});

test('a type is told in a few words', () => {
  expect(shareText(stored)).toBe('7.5 cores · 512 MB memory · 100 GB disk · 1 GPU');
  expect(shareText({ cpus: null, memoryBytes: null, diskBytes: GIB, gpus: 0 })).toBe('1 GB disk');
});
