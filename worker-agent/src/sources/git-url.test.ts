import { expect, test } from 'vitest';
import { cloneDirectory, gitAddress, shownUrl } from './git-url.ts';

test.each([
  ['https://github.com/ada/web-shop.git', 'web-shop'],
  ['https://github.com/ada/web-shop/', 'web-shop'],
  ['git@host.example:team/app.git', 'app'],
  ['git@host.example:app', 'app'],
  ['file:///srv/repos/sample.git', 'sample'],
  ['file:///srv/repos/sample/.git', 'sample'],
  ['https://host/a/%2e%2e', 'project'],
  ['https://host/..', 'project'],
  ['https://host/.bashrc', 'bashrc'],
  ['https://host/--upload-pack=x', 'upload-pack-x'],
  ['https://host/a%2f..%2fb', 'a-..-b'],
  ['https://host/', 'host'],
  ['https://host/%E0%A4%A', 'E0-A4-A'],
  ['https://host/x?y=../../z', 'x'],
])('%s is cloned into %s', (url, directory) => {
  expect(cloneDirectory(url)).toBe(directory);
});

test.each([
  ['https://git.example/a', { kind: 'host', host: 'git.example', port: 443, isSsh: false }],
  ['http://git.example:8080/a', { kind: 'host', host: 'git.example', port: 8080, isSsh: false }],
  ['ssh://git@git.example:2222/a', { kind: 'host', host: 'git.example', port: 2222, isSsh: true }],
  ['git@git.example:a/b', { kind: 'host', host: 'git.example', port: 22, isSsh: true }],
  ['http://[::1]:3000/a', { kind: 'host', host: '::1', port: 3000, isSsh: false }],
  ['file:///srv/a%20b.git', { kind: 'file', path: '/srv/a b.git' }],
  ['file:///srv/%2f', null],
  ['https://', null],
])('who answers for %s', (url, address) => {
  expect(gitAddress(url)).toEqual(address);
});

test('passwords and tokens are not shown', () => {
  expect(shownUrl('https://ada:hunter2@host/a.git')).toBe('https://host/a.git');
  expect(shownUrl('https://token@host/a@b.git')).toBe('https://host/a@b.git');
  expect(shownUrl('git@host:a.git')).toBe('git@host:a.git');
});
