import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { normalizeUrl, readSettings } from './config.ts';
import { findConnection, type GlobalOptions } from './connection.ts';
import { forgetProfile, readProfiles, storeProfile } from './profile.ts';
import { aScreen } from './testing/screen.ts';

let folder: string;
let configDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-profile-'));
  configDir = join(folder, 'easel');
});
afterEach(() => rmSync(folder, { recursive: true }));

const A = { token: 'token-a', login: 'ada', origin: 'browser' } as const;
const B = { token: 'token-b', login: 'bob', origin: 'given' } as const;

it('is kept where only its owner reads it, and leaves no draft behind', async () => {
  await storeProfile(configDir, 'https://a.example', A);
  expect(statSync(configDir).mode & 0o777).toBe(0o700);
  expect(statSync(join(configDir, 'profiles.json')).mode & 0o777).toBe(0o600);
  expect(readdirSync(configDir)).toEqual(['profiles.json']);
});

it('is one for each address; the last one signed in to is meant', async () => {
  await storeProfile(configDir, 'https://a.example', A);
  await storeProfile(configDir, 'https://b.example', B);
  expect(await readProfiles(configDir)).toEqual({
    current: 'https://b.example',
    profiles: { 'https://a.example': A, 'https://b.example': B },
  });
  await forgetProfile(configDir, 'https://b.example');
  expect(await readProfiles(configDir)).toEqual({ current: null, profiles: { 'https://a.example': A } });
});

it('says what to do when it is damaged', async () => {
  await storeProfile(configDir, 'https://a.example', A);
  writeFileSync(join(configDir, 'profiles.json'), '{');
  await expect(readProfiles(configDir)).rejects.toThrow(/damaged: remove it/);
});

function connection(options: GlobalOptions, env: Record<string, string> = {}, input = '') {
  const stdin = new PassThrough();
  stdin.end(input);
  const settings = readSettings({ HOME: folder, XDG_CONFIG_HOME: folder, ...env });
  const signal = new AbortController().signal;
  return findConnection(options, settings, { env, stdin, stdout: aScreen(), stderr: aScreen(), signal });
}

it('takes what was typed before the environment, and that before what is stored', async () => {
  await storeProfile(configDir, 'https://a.example', A);
  const env = { EASEL_URL: 'https://env.example/', EASEL_TOKEN: 'token-env' };
  expect(await connection({})).toEqual({ url: 'https://a.example', token: 'token-a' });
  expect(await connection({}, env)).toEqual({ url: 'https://env.example', token: 'token-env' });
  expect(await connection({ url: 'https://typed.example' }, env)).toEqual({
    url: 'https://typed.example',
    token: 'token-env',
  });
  const typed = { url: 'https://typed.example', tokenFile: '-' };
  expect(await connection(typed, env, 'token-typed\n')).toEqual({ url: 'https://typed.example', token: 'token-typed' });
});

it('sends a stored token to no other address', async () => {
  await storeProfile(configDir, 'https://a.example', A);
  await expect(connection({ url: 'https://evil.example' })).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' });
  await expect(connection({}, { EASEL_URL: 'http://a.example' })).rejects.toMatchObject({ code: 'NOT_SIGNED_IN' });
});

it('says how to sign in when nobody has', async () => {
  await expect(connection({})).rejects.toThrow(/easel sign-in URL/);
});

it.each(['', ' \n', 'two words', `easel\u0000`, 'x'.repeat(5000)])('refuses the token file %j', async (text) => {
  await expect(connection({ url: 'https://a.example', tokenFile: '-' }, {}, text)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  });
});

it('writes an address in one way', () => {
  expect(normalizeUrl('HTTPS://Easel.Example.com:443/team/')).toBe('https://easel.example.com/team');
  for (const wrong of ['easel.example.com', 'ftp://a.example', 'https://user@a.example', 'https://a.example/?x=1'])
    expect(() => normalizeUrl(wrong)).toThrow(/expected a URL/);
});

it('finds its folder by the rules of XDG', () => {
  expect(readSettings({ HOME: '/home/ada' }).configDir).toBe('/home/ada/.config/easel');
  expect(readSettings({ HOME: '/home/ada', XDG_CONFIG_HOME: '/x' }).configDir).toBe('/x/easel');
  expect(readSettings({ HOME: '/home/ada', XDG_CONFIG_HOME: 'relative' }).configDir).toBe('/home/ada/.config/easel');
  expect(() => readSettings({ EASEL_URL: 'nonsense' })).toThrow(/EASEL_URL: expected a URL/);
});
