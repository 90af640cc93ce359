/** The user of this machine that plain processes run as. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Failed } from '../../steps/failed.ts';

export interface LocalUser {
  name: string;
  uid: number;
  gid: number;
}

/** Taken in this order when the agent is root and nothing else is said. */
const UNPRIVILEGED = ['easel', 'nobody'];

/** The agent's own user; if that is root, an unprivileged one. Throws `Failed` (platform) when there is none. */
export function localUser(configured: string | undefined, passwd = readPasswd()): LocalUser {
  if (process.getuid?.() !== 0) {
    const own = userInfo();
    return { name: own.username, uid: own.uid, gid: own.gid };
  }
  const names = configured === undefined ? UNPRIVILEGED : [configured];
  const user = names.map((name) => findUser(name, passwd)).find((found) => found !== null);
  if (user && user.uid !== 0) return user;
  throw new Failed({
    class: 'platform',
    message: `Expected an unprivileged user to run the environment as, but ${user ? `${user.name} is root` : `there is no user ${names.join(' or ')} on this machine`}.`,
    advice: 'Ask an administrator to create a user named easel, or to name one in EASEL_LOCAL_USER.',
  });
}

/** A line of passwd(5) as a user. */
function findUser(name: string, passwd: string): LocalUser | null {
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find((entry) => entry[0] === name && entry.length >= 7);
  if (!fields) return null;
  return { name, uid: Number(fields[2]), gid: Number(fields[3]) };
}

function readPasswd(): string {
  return readFileSync('/etc/passwd', 'utf8');
}
