import { lstat, realpath } from 'node:fs/promises';

export function exists(path: Buffer): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** The absolute path without links. The last part need not exist yet: clients ask before they create. */
export async function resolved(path: Buffer): Promise<Buffer> {
  try {
    return await realpath(path, { encoding: 'buffer' });
  } catch (err) {
    const text = path.toString('latin1').replace(/\/+$/, '');
    const slash = text.lastIndexOf('/');
    const last = text.slice(slash + 1);
    const isNew = (err as NodeJS.ErrnoException).code === 'ENOENT' && last !== '' && last !== '.' && last !== '..';
    if (!isNew) throw err;
    const parent = slash < 0 ? '.' : text.slice(0, slash) || '/';
    const folder = await realpath(Buffer.from(parent, 'latin1'), { encoding: 'buffer' });
    return Buffer.concat([folder, Buffer.from(folder.at(-1) === 0x2f ? '' : '/'), Buffer.from(last, 'latin1')]);
  }
}
