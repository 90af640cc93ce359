import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataFolder } from './lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a second supervisor of a data folder is refused, with the process that holds it', async () => {
  const lock = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toThrow(`another Easel (process ${process.pid}) uses ${folder}`);
  await lock.release();
});

test('the same folder by another name is the same folder', async () => {
  const lock = await lockDataFolder(folder);
  const alias = `${folder}-alias`;
  symlinkSync(folder, alias);
  try {
    await expect(lockDataFolder(alias)).rejects.toThrow('another Easel');
  } finally {
    rmSync(alias);
    await lock.release();
  }
});

test('a lock that was given back can be taken again', async () => {
  await (await lockDataFolder(folder)).release();
  await (await lockDataFolder(folder)).release();
});
