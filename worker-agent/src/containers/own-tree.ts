import { lchown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Gives a folder and all that is in it to a user; links are given, never followed. Only root may give, for anybody else it
 * does nothing.
 *
 * The folder is root's until the last moment, and what is in it is given before what it is in: whoever runs as that user
 * elsewhere cannot put a link where we are about to go.
 */
export async function ownTree(path: string, user: { uid: number; gid: number }): Promise<void> {
  if (process.getuid?.() !== 0) return;
  if (!(await lstat(path)).isDirectory()) return lchown(path, user.uid, user.gid);
  await lchown(path, 0, 0);
  await giveTree(path, user);
}

async function giveTree(path: string, user: { uid: number; gid: number }): Promise<void> {
  for await (const entry of await opendir(path)) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await giveTree(child, user);
    else await lchown(child, user.uid, user.gid);
  }
  await lchown(path, user.uid, user.gid);
}
