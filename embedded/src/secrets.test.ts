import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepSecrets, readSecret } from './secrets.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'easel-secrets-')), 'secrets');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

test('secrets are made once, in the forms that the server takes, for this user only', () => {
  const files = keepSecrets(folder);
  const before = Object.values(files).map(readSecret);
  expect(readSecret(files['server-key'])).toMatch(/^[0-9a-f]{64}$/);
  expect(readSecret(files['admin-token'])).toMatch(/^easel_pat_[0-9a-f]{48}$/);
  expect(readSecret(files['platform-token'])).toMatch(/^easel_platform_[0-9a-f]{48}$/);
  expect(Object.values(files).map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600, 0o600, 0o600]);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(Object.values(keepSecrets(folder)).map(readSecret)).toEqual(before);
});

test('a draft left behind by a crash is not taken for a secret', () => {
  const { 'server-key': key } = keepSecrets(folder);
  rmSync(key);
  writeFileSync(`${key}.new`, 'half');
  keepSecrets(folder);
  expect(readSecret(key)).toMatch(/^[0-9a-f]{64}$/);
  expect(readdirSync(folder).filter((name) => name.endsWith('.new'))).toEqual([]);
});
