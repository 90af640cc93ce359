/**
 * Small programs of ours for the inside of containers, run by the pack's Node.js in any image. Each function is sent as its
 * own text: it uses nothing but its argument and Node's built-in modules.
 */
import { join } from 'node:path';
import { PACK } from '../../inside/pack/layout.ts';

/** The command that runs `program(argument)` where the pack lies at `packDir`. */
export function programCommand<A>(packDir: string, program: (argument: A) => void, argument: A): string[] {
  const text = `(${program.toString()})(${JSON.stringify(argument)})`;
  const flags = ['--max-old-space-size=128', '--max-semi-space-size=1', '--v8-pool-size=1', '--no-warnings'];
  const libraries = ['--library-path', join(packDir, PACK.libraries)];
  return [join(packDir, PACK.loader), ...libraries, join(packDir, PACK.node), ...flags, '-e', text];
}

/** Which signal makes `keepAlive` end the container in an orderly way. */
export const STOP_SIGNAL = 'SIGUSR2';

/**
 * The dev container's main process: does nothing, in any image, until the stop signal comes. Then it asks every process of
 * its user to end, and ends itself once none is left.
 */
export function keepAlive({ stopSignal }: { stopSignal: 'SIGUSR2' }): void {
  const fs = process.getBuiltinModule('node:fs');
  const idle = setInterval(() => undefined, 1 << 30);
  /** Whether somebody else runs here; those that have ended and wait for their parent do not count. */
  const isAlone = () =>
    fs.readdirSync('/proc').every((name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === 1 || pid === process.pid) return true;
      try {
        return / [ZX] [^)]*$/.test(fs.readFileSync(`/proc/${name}/stat`, 'utf8'));
      } catch {
        return true;
      }
    });
  // Ours to send, not to heed.
  process.on('SIGTERM', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGINT', () => undefined);
  process.once(stopSignal, () => {
    clearInterval(idle);
    try {
      process.kill(-1, 'SIGTERM');
    } catch {
      // Nobody else is here.
    }
    const look = () => (isAlone() ? process.exit(0) : setTimeout(look, 20));
    look();
  });
}

export interface MoveInOrder {
  /** The image's USER: a name or number, and perhaps a group. */
  userSpec: string;
  /** The environment's home, as this container sees it. */
  target: string;
  /** Where to fill it beside. */
  staging: string;
  /** Whether to fill it from the image's. */
  isFresh: boolean;
  /** Files of a fresh home that the image's has not, by name. */
  files: Readonly<Record<string, string>>;
  /** Whose it was before another image came. */
  formerUid: number | null;
}

/**
 * Finds out who the image's user is and gives them their home: filled from the image's when fresh, and theirs in any case.
 * Writes the inhabitant as JSON to standard output. Runs as root in a container of its own, without a network.
 */
export function moveIn({ userSpec, target, staging, isFresh, files, formerUid }: MoveInOrder): void {
  const fs = process.getBuiltinModule('node:fs');
  const path = process.getBuiltinModule('node:path');
  const rows = (file: string) => {
    try {
      return fs
        .readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.split(':'));
    } catch {
      return [];
    }
  };
  const isNumber = (text: string) => /^\d+$/.test(text);
  const [userPart = '', groupPart = ''] = userSpec.split(':');
  const wanted = userPart === '' ? '0' : userPart;
  const row = rows('/etc/passwd').find((entry) => entry.length >= 6 && entry[isNumber(wanted) ? 2 : 0] === wanted);
  if (!row && !isNumber(wanted)) throw new Error(`the image has no user ${wanted}`);
  const uid = Number(row?.[2] ?? wanted);
  const group = rows('/etc/group').find((entry) => entry[0] === groupPart)?.[2] ?? groupPart;
  const gid = group === '' ? Number(row?.[3] ?? 0) : Number(group);
  if (!Number.isInteger(gid)) throw new Error(`the image has no group ${groupPart}`);
  const user = row?.[0] ?? (uid === 0 ? 'root' : 'easel');
  const stated = row?.[5] ?? '';
  const isHome =
    /^\/[^/]/.test(stated) && !/^\/(nonexistent|dev\/null|proc|sys|bin|sbin|usr\/sbin|etc)\/?$/.test(stated);
  const home = isHome ? path.normalize(stated).replace(/\/$/, '') : uid === 0 ? '/root' : `/home/${user}`;

  const copy = (from: string, to: string): void => {
    const stat = fs.lstatSync(from);
    if (stat.isDirectory()) {
      fs.mkdirSync(to, { recursive: true });
      for (const name of fs.readdirSync(from)) copy(path.join(from, name), path.join(to, name));
    } else if (stat.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), to);
    else if (stat.isFile()) fs.copyFileSync(from, to);
    else return;
    fs.lchownSync(to, stat.uid, stat.gid);
    if (stat.isSymbolicLink()) return;
    fs.chmodSync(to, stat.mode & 0o7777);
    fs.utimesSync(to, stat.atime, stat.mtime);
  };
  const give = (at: string): void => {
    const stat = fs.lstatSync(at);
    if (stat.uid === formerUid) fs.lchownSync(at, uid, gid);
    if (stat.isDirectory()) for (const name of fs.readdirSync(at)) give(path.join(at, name));
  };
  if (isFresh && fs.existsSync(home)) {
    fs.rmSync(staging, { recursive: true, force: true });
    copy(fs.realpathSync(home), staging);
    // In place whole or not at all, and never over what is there: only an empty folder gives way to a rename.
    if (fs.readdirSync(target).length === 0) fs.renameSync(staging, target);
    else fs.rmSync(staging, { recursive: true, force: true });
  }
  for (const [name, text] of isFresh ? Object.entries(files) : []) {
    const file = path.join(target, name);
    if (fs.existsSync(file)) continue;
    fs.writeFileSync(file, text, { flag: 'wx' });
    fs.lchownSync(file, uid, gid);
  }
  if (formerUid !== null && formerUid !== uid) give(target);
  fs.chownSync(target, uid, gid);
  process.stdout.write(JSON.stringify({ user, uid, gid, home }));
}

/** Gives a folder to a user, links not followed, and moves it into place. Runs as root in a container of its own. */
export function takeOver({ from, to, uid, gid }: { from: string; to: string; uid: number; gid: number }): void {
  const fs = process.getBuiltinModule('node:fs');
  const give = (at: string): void => {
    fs.lchownSync(at, uid, gid);
    if (fs.lstatSync(at).isDirectory()) for (const name of fs.readdirSync(at)) give(`${at}/${name}`);
  };
  give(from);
  fs.renameSync(from, to);
}

/** Empties a folder. Runs as root in a container of its own, for an agent that is not root. */
export function emptyFolder({ target }: { target: string }): void {
  const fs = process.getBuiltinModule('node:fs');
  for (const name of fs.readdirSync(target)) fs.rmSync(`${target}/${name}`, { recursive: true, force: true });
}
