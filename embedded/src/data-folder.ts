/** The folder that everything of one installation lies in: database, objects, volumes, secrets, logs. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StartProblem } from './problem.ts';
import { canEnter, type LocalUser } from './users.ts';

/** Says that a folder is ours: nothing is ever deleted in one without it. */
const marker = 'easel.json';
/** What a file system may put into an empty folder by itself. */
const notCounted = new Set(['lost+found']);

export interface FolderChoice {
  dataDir: string;
  /** A sentence for the person when this is not where they would look. */
  notice: string | null;
}

/**
 * `users` are those who must enter the folder when root starts Easel, and nobody otherwise. Without `given` it is `.easel`
 * in the checkout, or a folder in /var/lib when those users cannot enter the checkout (under /root, say).
 */
export function chooseDataFolder(checkout: string, given: string | null, users: readonly LocalUser[]): FolderChoice {
  if (given !== null) return { dataDir: resolve(given), notice: null };
  if (users.every((user) => canEnter(checkout, user))) return { dataDir: join(checkout, '.easel'), notice: null };
  const hash = createHash('sha256').update(realpathSync(checkout)).digest('hex').slice(0, 8);
  const dataDir = `/var/lib/easel-${hash}`;
  const names = users.map((user) => user.name).join(' and ');
  return {
    dataDir,
    notice: `the users ${names} cannot enter ${checkout}, so the data and copies of what they run lie in ${dataDir}`,
  };
}

/** Makes the folder, or takes one that is ours or empty, and sees that it can be written. Throws StartProblem. */
export function prepareDataFolder(dataDir: string, users: readonly LocalUser[]): void {
  try {
    makeFolders(dataDir);
    const isOurs = existsSync(join(dataDir, marker));
    if (!isOurs && readdirSync(dataDir).some((name) => !notCounted.has(name))) {
      throw new StartProblem(`${dataDir} is neither empty nor a data folder of Easel: use --data to name another.`);
    }
    writeFileSync(join(dataDir, marker), `${JSON.stringify({ format: 1 })}\n`, { flag: isOurs ? 'r+' : 'w' });
    // Where other users run a part of it they must enter; where nobody else does, nobody else may.
    chmodSync(dataDir, users.length > 0 ? 0o755 : 0o700);
  } catch (err) {
    if (err instanceof StartProblem) throw err;
    throw new StartProblem(`cannot write to ${dataDir} (${reason(err)}): use --data to name another folder.`, {
      cause: err,
    });
  }
  const outside = users.find((user) => !canEnter(dataDir, user));
  if (outside) {
    throw new StartProblem(
      `the user ${outside.name}, who runs a part of Easel when root starts it, cannot enter ${dataDir}: use --data to name a folder that others can enter.`,
    );
  }
}

/** Deletes all that is in the folder but the marker. Nothing that uses it may run. */
export function emptyDataFolder(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    if (name !== marker && !notCounted.has(name)) rmSync(join(dataDir, name), { recursive: true, force: true });
  }
}

/** One by one from the nearest that exists, so that the error is that of the folder that cannot be made. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  mkdirSync(path);
}

function reason(err: unknown): string {
  const { code, message } = err as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    EROFS: 'the file system is read-only',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is not a folder',
    EEXIST: 'it is not a folder',
  };
  return known[code ?? ''] ?? message;
}
