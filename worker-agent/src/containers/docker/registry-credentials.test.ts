import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@easel/kit/log';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRegistryCredentials } from './registry-credentials.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'easel-test-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const basic = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
function secret(name: string, content: unknown): void {
  mkdirSync(join(dir, name));
  writeFileSync(join(dir, name, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));
}
const userFor = (image: string) => readRegistryCredentials(dir, silentLog).for(image)?.username ?? null;

test('an image is pulled with the sign-in of its registry', () => {
  secret('one', { auths: { 'registry.example.com': basic('ada:se:cret') } });
  secret('two', { auths: { 'https://other.example.com:5000/v2/': { username: 'bob', password: 'x' } } });
  expect(readRegistryCredentials(dir, silentLog).for('registry.example.com/team/app:1')).toEqual({
    username: 'ada',
    password: 'se:cret',
    serveraddress: 'registry.example.com',
  });
  expect(userFor('other.example.com:5000/app@sha256:abc')).toBe('bob');
  expect(userFor('third.example.com/app')).toBeNull();
  expect(userFor('other.example.com/app')).toBeNull();
});

test('Docker Hub goes by its old name too', () => {
  secret('hub', { auths: { 'https://index.docker.io/v1/': basic('hub:x') } });
  for (const image of ['debian', 'debian:12', 'team/app', 'docker.io/team/app:1', 'index.docker.io/app']) {
    expect(userFor(image)).toBe('hub');
  }
  expect(userFor('localhost/app')).toBeNull();
});

test('the closest place counts, and a star is one part of a host', () => {
  secret('all', {
    auths: {
      'registry.example.com': basic('all:x'),
      'registry.example.com/team': basic('team:x'),
      '*.example.org': basic('star:x'),
    },
  });
  expect(userFor('registry.example.com/team/app')).toBe('team');
  expect(userFor('registry.example.com/teamwork/app')).toBe('all');
  expect(userFor('eu.example.org/app')).toBe('star');
  expect(userFor('a.b.example.org/app')).toBeNull();
});

test('what cannot be read is left out and does not spoil the rest', () => {
  secret('broken', '{"auths":');
  secret('strange', { auths: [] });
  secret('empty', { auths: { 'a.example.com': {} } });
  secret('good', { auths: { 'b.example.com': { ...basic('ada:'), identitytoken: 'token' } } });
  expect(readRegistryCredentials(dir, silentLog).for('b.example.com/app')).toMatchObject({ identitytoken: 'token' });
  expect(userFor('a.example.com/app')).toBeNull();
  expect(readRegistryCredentials(undefined, silentLog).for('b.example.com/app')).toBeNull();
  expect(readRegistryCredentials(join(dir, 'nowhere'), silentLog).for('b.example.com/app')).toBeNull();
});
