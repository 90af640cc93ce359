import { expect, test } from 'vitest';
import { type LockedPackages, productionPackages } from './production-packages.ts';

const packages: LockedPackages = {
  '': {},
  server: { dependencies: { '@easel/kit': '1', a: '1' } },
  kit: { dependencies: { b: '2' } },
  'node_modules/@easel/kit': { link: true, resolved: 'kit' },
  'node_modules/a': { dependencies: { b: '1' }, optionalDependencies: { 'a-linux': '1', 'a-windows': '1' } },
  'node_modules/a-linux': {},
  'node_modules/a/node_modules/b': {
    peerDependencies: { c: '*', d: '*' },
    peerDependenciesMeta: { d: { optional: true } },
  },
  'node_modules/b': {},
  'node_modules/c': {},
  'node_modules/d': {},
  'node_modules/only-for-tests': {},
};

test('takes what is needed to run, from where Node.js finds it, and nothing else', () => {
  expect(productionPackages(packages, 'server')).toEqual({
    workspaces: ['server', 'kit'],
    installed: [
      'node_modules/a',
      'node_modules/a-linux',
      'node_modules/a/node_modules/b',
      'node_modules/b',
      'node_modules/c',
    ],
  });
});

test('a package that the lock file lacks is an error that names who needs it', () => {
  const broken = { ...packages, kit: { dependencies: { gone: '1' } } };
  expect(() => productionPackages(broken, 'server')).toThrow('the lock file has no gone, which kit needs');
  expect(() => productionPackages(packages, 'nowhere')).toThrow('no entry nowhere');
});
