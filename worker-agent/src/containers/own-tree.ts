import { lchown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Gives a folder and all that is in it to a user; links are given, never followed. Only root may give, for anybody else it
 * does nothing. Nobody else may write to the folder meanwhile.
 */
export async function ownTree(path: string, user: { uid: number; gid: number }): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await lchown(path, user.uid, user.gid);
  if (!(await lstat(path)).isDirectory()) return;
  for await (const entry of await opendir(path)) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await ownTree(child, user);
    else await lchown(child, user.uid, user.gid);
  }
}
