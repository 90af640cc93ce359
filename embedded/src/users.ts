/** Started by root, PostgreSQL and plain-process environments run as users who may do little. */
import { execFileSync } from 'node:child_process';
import { StartProblem } from './problem.ts';

export interface LocalUser {
  name: string;
  uid: number;
  gid: number;
}

/** Gives the user, making it as a system user without a home or a login if it is not there, and saying so. Only for root. */
export function systemUser(name: string, say: (text: string) => void): LocalUser {
  const known = lookUp(name);
  if (known) return known;
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name], {
      stdio: 'ignore',
    });
  } catch (err) {
    throw new StartProblem(
      `cannot make the user "${name}": make it with useradd, or run npm start as another user than root.`,
      { cause: err },
    );
  }
  const made = lookUp(name);
  if (!made) throw new StartProblem(`the user "${name}" was made but is not found: look at /etc/nsswitch.conf.`);
  say(`made the system user "${name}": a part of Easel runs as it, since root starts it here`);
  return made;
}

function lookUp(name: string): LocalUser | null {
  const id = (flag: string) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { name, uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}

/** Whether the user can enter the folder, that is, every folder on the way to it. Asked of the kernel, since ACLs count too. */
export function canEnter(folder: string, user: LocalUser): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
      uid: user.uid,
      gid: user.gid,
      cwd: '/',
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
