import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { programClosure } from './program-closure.ts';

const folders: string[] = [];
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'easel-closure-'));
  folders.push(path);
  return path;
};
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

describe('programClosure', () => {
  it('names loader and libraries so that the copied program runs with them alone', async () => {
    const { loader, files } = await programClosure([process.execPath]);
    expect(loader).toMatch(/\/ld-/);
    expect(files.map(({ name }) => name)).toContain('libc.so.6');
    expect(new Set(files.map(({ name }) => name)).size).toBe(files.length);

    const root = folder();
    mkdirSync(join(root, 'lib'));
    copyFileSync(loader!, join(root, 'loader'));
    for (const { name, path } of files) copyFileSync(path, join(root, 'lib', name));
    const said = execFileSync(
      join(root, 'loader'),
      ['--library-path', join(root, 'lib'), process.execPath, '-p', '6*7'],
      { env: {}, encoding: 'utf8' },
    );
    expect(said).toBe('42\n');
  });

  it('takes libraries along with the programs that load them', async () => {
    const alone = await programClosure(['/bin/sh']);
    const libc = alone.files.find(({ name }) => name === 'libc.so.6')!;
    const both = await programClosure(['/bin/sh', libc.path]);
    expect(both.loader).toBe(alone.loader);
    expect(both.files).toEqual(alone.files);
  });

  it('says which file is no program', async () => {
    const path = join(folder(), 'script');
    writeFileSync(path, '#!/bin/sh\necho hello\n'.repeat(10));
    await expect(programClosure([path])).rejects.toThrow(`${path} is not a program of this machine`);
  });
});
