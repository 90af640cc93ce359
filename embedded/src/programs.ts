/** Programs that other users than the caller run: used where they lie, or copied to where those users can reach them. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from './building/fingerprint.ts';
import { canEnter, type LocalUser } from './users.ts';

const nothing = /^$/;

/**
 * Gives a folder with the content of `source` that every one of `users` can enter: `source` itself, or a copy of it in
 * `<data>/programs`, which is kept until the source changes.
 */
export function reachableCopy(source: string, name: string, dataDir: string, users: readonly LocalUser[]): string {
  if (users.every((user) => canEnter(source, user))) return source;
  const folder = join(dataDir, 'programs');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const copyName = `${name}-${fingerprint(source, ['.'], nothing).slice(0, 12)}`;
  const copy = join(folder, copyName);
  if (existsSync(copy)) return copy;
  const draft = `${copy}.new`;
  rmSync(draft, { recursive: true, force: true });
  cpSync(source, draft, { recursive: true, dereference: false, verbatimSymlinks: true });
  openToAll(draft);
  renameSync(draft, copy);
  for (const other of readdirSync(folder)) {
    if (other.startsWith(`${name}-`) && other !== copyName)
      rmSync(join(folder, other), { recursive: true, force: true });
  }
  return copy;
}

/** Readable by all, and executable by all what its owner can execute; whatever the caller's umask was. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}
