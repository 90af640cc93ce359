import { expect, test } from 'vitest';
import { type CreateEntries, checkEntries, inputOf, requestKeys, suggestName } from './create-form.ts';

const entries: CreateEntries = {
  template: 'web-shop',
  snapshot: null,
  gitUrl: '',
  branch: '',
  image: '',
  name: 'shop-1',
  instanceType: '',
  platform: '',
};
const nobody = () => false;

test('good entries have no errors', () => {
  expect(checkEntries(entries, nobody)).toEqual({});
  expect(
    checkEntries({ ...entries, template: null, gitUrl: 'git@git.example.com:a/b.git', branch: 'v1' }, nobody),
  ).toEqual({});
});

test.each(['', 'Shop', '1shop', 'shop-', 'a b', '-rf', '../x', 'ä', 'x'.repeat(41), "a'; rm -rf /"])(
  'the name %j is refused',
  (name) => {
    expect(checkEntries({ ...entries, name }, nobody).name).toMatch(/\.|\)$/);
  },
);

test('a taken name is told before anything is sent', () => {
  expect(checkEntries(entries, (name) => name === 'shop-1').name).toContain('already');
});

test.each(['', 'ext::sh -c id', '--upload-pack=x', 'javascript:alert(1)', 'ftp://x/y'])(
  'the URL %j is refused',
  (gitUrl) => {
    expect(checkEntries({ ...entries, template: null, gitUrl }, nobody).gitUrl).toBeDefined();
  },
);

test('only what was entered is sent', () => {
  expect(inputOf({ ...entries, name: ' shop-1 ', gitUrl: 'https://x/y', image: 'debian:12' }, 'k')).toEqual({
    name: 'shop-1',
    template: 'web-shop',
    requestKey: 'k',
  });
  expect(
    inputOf({ ...entries, template: null, gitUrl: ' https://x/y ', image: 'debian:12', branch: 'main' }, 'k'),
  ).toEqual({
    name: 'shop-1',
    gitUrl: 'https://x/y',
    image: 'debian:12',
    branch: 'main',
    requestKey: 'k',
  });
});

test('where and how large are sent only when they were chosen', () => {
  expect(inputOf({ ...entries, instanceType: 'large', platform: 'eu-west' }, 'k')).toMatchObject({
    instanceType: 'large',
    platform: 'eu-west',
  });
  expect(Object.keys(inputOf(entries, 'k'))).toEqual(['name', 'requestKey', 'template']);
});

test('a snapshot brings repository, branch and platform with it', () => {
  const restored: CreateEntries = { ...entries, template: null, snapshot: 'snp1', branch: '--x', platform: 'eu-west' };
  expect(checkEntries(restored, nobody)).toEqual({});
  expect(inputOf({ ...restored, instanceType: 'large' }, 'k')).toEqual({
    name: 'shop-1',
    snapshot: 'snp1',
    instanceType: 'large',
    requestKey: 'k',
  });
  expect(checkEntries({ ...restored, snapshot: '' }, nobody).snapshot).toBe('Choose a snapshot.');
});

test('names are suggested from what is created, and are free', () => {
  const taken = new Set(['web-shop', 'web-shop-2']);
  expect(suggestName('web-shop', (name) => taken.has(name))).toBe('web-shop-3');
  expect(suggestName('https://git.example.com/team/My_Repo.git/', nobody)).toBe('my-repo');
  expect(suggestName('git@git.example.com:jobs.git', nobody)).toBe('jobs');
  expect(suggestName('https://x/2048', nobody)).toBe('environment');
  expect(suggestName(`https://x/${'long-'.repeat(20)}`, nobody)).toMatch(/^[a-z][a-z0-9-]{0,33}$/);
});

test('the request key is the same for the same entries only', () => {
  let count = 0;
  const keyOf = requestKeys(() => `key${++count}`);
  expect(keyOf(entries)).toBe('key1');
  expect(keyOf({ ...entries, gitUrl: 'ignored with a template' })).toBe('key1');
  expect(keyOf({ ...entries, name: 'other' })).toBe('key2');
  expect(keyOf(entries)).toBe('key1');
});
