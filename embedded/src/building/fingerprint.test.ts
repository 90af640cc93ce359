import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fingerprint } from './fingerprint.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'easel-fingerprint-'));
  mkdirSync(join(root, 'src/deep'), { recursive: true });
  writeFileSync(join(root, 'src/a.ts'), 'a');
  writeFileSync(join(root, 'src/deep/b.ts'), 'b');
});
afterEach(() => rmSync(root, { recursive: true }));

const now = () => fingerprint(root, ['src', 'lock.json']);

test('the same content has the same fingerprint', () => {
  const before = now();
  writeFileSync(join(root, 'src/a.ts'), 'a');
  expect(now()).toBe(before);
});

test('a changed, added, renamed or removed file changes it', () => {
  const seen = [now()];
  writeFileSync(join(root, 'src/deep/b.ts'), 'c');
  seen.push(now());
  writeFileSync(join(root, 'lock.json'), '');
  seen.push(now());
  renameSync(join(root, 'src/a.ts'), join(root, 'src/z.ts'));
  seen.push(now());
  rmSync(join(root, 'src/z.ts'));
  seen.push(now());
  expect(new Set(seen).size).toBe(5);
});

test('tests and what builds leave behind do not count', () => {
  const before = now();
  writeFileSync(join(root, 'src/a.test.ts'), 'x');
  mkdirSync(join(root, 'src/node_modules'));
  writeFileSync(join(root, 'src/node_modules/x'), 'x');
  expect(now()).toBe(before);
});
