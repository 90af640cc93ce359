import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chooseDataFolder, emptyDataFolder, prepareDataFolder } from './data-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-data-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

test('the folder is made with all on the way to it, and taken again', () => {
  const dataDir = join(folder, 'deep/data');
  prepareDataFolder(dataDir, []);
  writeFileSync(join(dataDir, 'kept'), '');
  prepareDataFolder(dataDir, []);
  expect(readdirSync(dataDir).sort()).toEqual(['easel.json', 'kept']);
});

test('a folder with something else in it is not taken', () => {
  writeFileSync(join(folder, 'thesis.tex'), '');
  expect(() => prepareDataFolder(folder, [])).toThrow(
    `${folder} is neither empty nor a data folder of Easel: use --data to name another.`,
  );
});

test('an empty file system of its own is taken', () => {
  mkdirSync(join(folder, 'lost+found'));
  prepareDataFolder(folder, []);
  emptyDataFolder(folder);
  expect(readdirSync(folder).sort()).toEqual(['easel.json', 'lost+found']);
});

test('a path through a file is refused with the reason', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => prepareDataFolder(join(folder, 'file/data'), [])).toThrow('a part of the path is not a folder');
});

test('emptied, nothing is left of an installation', () => {
  prepareDataFolder(folder, []);
  mkdirSync(join(folder, 'local/volumes'), { recursive: true });
  emptyDataFolder(folder);
  expect(readdirSync(folder)).toEqual(['easel.json']);
});

test('without a wish it lies in the checkout', () => {
  expect(chooseDataFolder(folder, null, [])).toEqual({ dataDir: join(folder, '.easel'), notice: null });
  expect(chooseDataFolder(folder, '/srv/easel', []).dataDir).toBe('/srv/easel');
});

describe.runIf(process.getuid?.() === 0)('started by root', () => {
  const nobody = { name: 'nobody', uid: 65534, gid: 65534 };

  test('a checkout that others cannot enter sends the data elsewhere, and says so', () => {
    const { dataDir, notice } = chooseDataFolder(folder, null, [nobody]);
    expect(dataDir).toMatch(/^\/var\/lib\/easel-[0-9a-f]{8}$/);
    expect(notice).toContain(`nobody cannot enter ${folder}`);
    chmodSync(folder, 0o755);
    expect(chooseDataFolder(folder, null, [nobody]).dataDir).toBe(join(folder, '.easel'));
  });

  test('a folder named by hand that others cannot enter is refused', () => {
    expect(() => prepareDataFolder(join(folder, 'data'), [nobody])).toThrow(
      'the user nobody, who runs a part of Easel',
    );
  });

  test('what they can enter is opened to them, whatever the umask', () => {
    chmodSync(folder, 0o755);
    const before = process.umask(0o077);
    try {
      prepareDataFolder(join(folder, 'data'), [nobody]);
    } finally {
      process.umask(before);
    }
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o755);
    expect(existsSync(join(folder, 'data/easel.json'))).toBe(true);
  });
});
