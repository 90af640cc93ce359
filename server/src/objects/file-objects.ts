/** Objects as files below one folder: for an installation on one machine. */
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  checkKey,
  checkPrefix,
  checkSize,
  MAX_LISTED,
  type ObjectStore,
  type StoredObject,
  unavailable,
} from './objects.ts';

/** Files being written: no key begins with a dot. */
const TEMPORARY = '.writing-';

/** The folder is made when the first object is stored. Only this process's user can read it. */
export function createFileObjects(options: { folder: string }): ObjectStore {
  const pathOf = (key: string) => join(options.folder, key);

  return {
    async put(key, body) {
      checkKey(key);
      checkSize(body);
      const path = pathOf(key);
      const temporary = join(dirname(path), `${TEMPORARY}${randomBytes(8).toString('hex')}`);
      try {
        await writeDurably(temporary, body);
        await rename(temporary, path);
      } catch (err) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw unavailable('write an object', err);
      }
    },

    async get(key) {
      checkKey(key);
      return readFile(pathOf(key)).catch((err) => {
        if (isAbsent(err)) return null;
        throw unavailable('read an object', err);
      });
    },

    async remove(keys) {
      for (const key of keys) {
        checkKey(key);
        try {
          await rm(pathOf(key), { force: true });
          await removeEmptyFolders(options.folder, dirname(key));
        } catch (err) {
          throw unavailable('remove an object', err);
        }
      }
    },

    async list(prefix, { after = '', limit = MAX_LISTED } = {}) {
      checkPrefix(prefix);
      const found: StoredObject[] = [];
      try {
        for await (const key of keysBelow(options.folder, '', { prefix, after })) {
          if (found.length >= Math.min(limit, MAX_LISTED)) break;
          const known = await stat(pathOf(key)).catch((err) => {
            if (isAbsent(err)) return null;
            throw err;
          });
          if (known) found.push({ key, sizeBytes: known.size });
        }
      } catch (err) {
        throw unavailable('list objects', err);
      }
      return found;
    },

    async check() {
      try {
        await mkdir(options.folder, { recursive: true, mode: 0o700 });
        const probe = join(options.folder, `${TEMPORARY}probe-${randomBytes(8).toString('hex')}`);
        await writeDurably(probe, new Uint8Array());
        await rm(probe);
      } catch (err) {
        throw unavailable('write to its folder', err);
      }
    },
  };
}

/** The folder may be removed, as empty, between its making and the file's: then it is made again. */
async function writeDurably(path: string, body: Uint8Array): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        await file.writeFile(body);
        await file.datasync();
      } finally {
        await file.close();
      }
      return;
    } catch (err) {
      if (!isAbsent(err) || attempt === 3) throw err;
    }
  }
}

async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let rest = folder; rest !== '.' && rest !== ''; rest = dirname(rest)) {
    try {
      await rmdir(join(root, rest));
    } catch {
      // Not empty, or gone already: either way there is nothing more to do.
      return;
    }
  }
}

/** Keys in the order of their bytes, as S3 gives them: a folder sorts as its name with the "/". */
async function* keysBelow(
  root: string,
  folder: string,
  range: { prefix: string; after: string },
): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((err): Dirent[] => {
    if (isAbsent(err)) return [];
    throw err;
  });
  const names = entries
    .filter((entry) => !entry.name.startsWith('.'))
    .map((entry) => (entry.isDirectory() ? `${folder}${entry.name}/` : `${folder}${entry.name}`))
    .sort((a, b) => (a < b ? -1 : 1));
  for (const name of names) {
    if (name.endsWith('/')) {
      const mayMatch = name.startsWith(range.prefix) || range.prefix.startsWith(name);
      const isPast = name < range.after && !range.after.startsWith(name);
      if (mayMatch && !isPast) yield* keysBelow(root, name, range);
    } else if (name.startsWith(range.prefix) && name > range.after) {
      yield name;
    }
  }
}

function isAbsent(err: unknown): boolean {
  const { code } = err as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
