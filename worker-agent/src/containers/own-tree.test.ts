import { lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownTree } from './own-tree.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'easel-own-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('gives all that is there, and nothing that a link leads to', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('only root gives files away');
  const tree = join(dir, 'tree');
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  writeFileSync(join(tree, 'a/b/file'), '');
  mkdirSync(join(dir, 'outside'));
  writeFileSync(join(dir, 'outside/file'), '');
  symlinkSync(join(dir, 'outside'), join(tree, 'a/link'));
  await ownTree(tree, { uid: 4321, gid: 4322 });
  for (const path of ['', 'a', 'a/b', 'a/b/file', 'a/link']) {
    const { uid, gid } = lstatSync(join(tree, path));
    expect({ path, uid, gid }).toEqual({ path, uid: 4321, gid: 4322 });
  }
  expect(statSync(join(dir, 'outside')).uid).toBe(0);
  expect(statSync(join(dir, 'outside/file')).uid).toBe(0);
});
