import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileObjects } from './file-objects.ts';
import { describeObjectStore } from './object-store.contract.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-objects-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('objects in files', () => {
  describeObjectStore(() => createFileObjects({ folder }));

  it('leaves no empty folder and no temporary file behind', async () => {
    const own = join(folder, 'own');
    const store = createFileObjects({ folder: own });
    await store.put('logs/env1/1/000001.jsonl', Buffer.from('x'));
    await store.put('logs/env2/1/000001.jsonl', Buffer.from('x'));
    await store.remove(['logs/env1/1/000001.jsonl']);
    expect(await readdir(join(own, 'logs'))).toEqual(['env2']);
    expect(await readdir(join(own, 'logs/env2/1'))).toEqual(['000001.jsonl']);
  });

  it('lets only its own user read', async () => {
    const own = join(folder, 'private');
    await createFileObjects({ folder: own }).put('a.txt', Buffer.from('x'));
    expect((await stat(own)).mode & 0o777).toBe(0o700);
    expect((await stat(join(own, 'a.txt'))).mode & 0o777).toBe(0o600);
  });

  it('says what it could not do when its folder is not one', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const store = createFileObjects({ folder: file });
    const trouble = expect.objectContaining({ code: 'OBJECT_STORE_UNAVAILABLE', retryable: true });
    await expect(store.put('a/b.txt', Buffer.from('x'))).rejects.toEqual(trouble);
    await expect(store.check()).rejects.toEqual(trouble);
  });

  it('puts into a folder that a removal takes away at the same time', async () => {
    const store = createFileObjects({ folder: join(folder, 'race') });
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        await store.put(`logs/${i % 2}/${i}.txt`, Buffer.from('x'));
        await store.remove([`logs/${i % 2}/${i}.txt`]);
      }),
    );
    expect(await store.list('')).toEqual([]);
  });
});
