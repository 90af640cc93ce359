import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Volume } from './volume.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'easel-volume-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('keeps marks, and nothing of a half-written one', async () => {
  const volume = new Volume(join(dir, 'v'));
  volume.prepare();
  expect(volume.read('sources')).toBeNull();
  await volume.write('sources', { directory: 'shop' });
  await volume.write('sources', { directory: 'store' });
  expect(new Volume(join(dir, 'v')).read('sources')).toEqual({ directory: 'store' });
  expect(readdirSync(volume.marksDir)).toEqual(['sources.json']);
});

test('a mark that cannot be understood is none', () => {
  const volume = new Volume(dir);
  volume.prepare();
  writeFileSync(join(volume.marksDir, 'init.json'), '{"at":');
  expect(volume.read('init')).toBeNull();
});

test('a folder that cannot be made is the volume’s failure', () => {
  writeFileSync(join(dir, 'file'), '');
  expect(() => new Volume(join(dir, 'file/v')).prepare()).toThrow(
    expect.objectContaining({ failure: expect.objectContaining({ class: 'volume' }) }),
  );
});
