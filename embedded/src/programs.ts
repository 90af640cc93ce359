/** Programs that other users than the caller run: used where they lie, or copied to where those users can reach them. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from './building/fingerprint.ts';
import { canEnter, type LocalUser } from './users.ts';

const nothing = /^$/;
/** Environments that run keep the copy that they were started with. */
const keptCopies = 3;

/**
 * Gives a folder with the content of `path` that every one of `users` can enter: `path` itself, or a copy of it in
 * `<data>/programs`, which is kept until the source changes.
 */
export function reachableCopy(path: string, name: string, dataDir: string, users: readonly LocalUser[]): string {
  if (users.every((user) => canEnter(path, user))) return path;
  const source = realpathSync(path);
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
  const age = (path: string) => statSync(path).mtimeMs;
  const copies = readdirSync(folder)
    .filter((one) => one.startsWith(`${name}-`))
    .map((one) => join(folder, one));
  for (const old of copies.sort((a, b) => age(b) - age(a)).slice(keptCopies))
    rmSync(old, { recursive: true, force: true });
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
