import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Identity } from '../client.ts';

/** Shells that only say no, as nologin(8) does: a person who came this far gets a real one. */
const refusals = /\/(nologin|false|sync)$/;
const usualShells = ['/bin/bash', '/usr/bin/bash', '/bin/sh', '/usr/bin/sh', '/bin/ash'];

/**
 * Who this process is. `/etc/passwd` may not name the user (an image run with `--user 1234`), may name a home that is not
 * there, or a shell that is no shell; what the runtime put into HOME and SHELL goes before.
 */
export function whoAmI(env: NodeJS.ProcessEnv = process.env): Identity {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const entry = passwdEntry(uid) ?? systemEntry();
  const home = [env.HOME, entry?.home, '/'].find((path) => path !== undefined && isFolder(path)) ?? '/';
  const shell = [env.SHELL, entry?.shell, ...usualShells].find((path) => path !== undefined && isShell(path));
  return { user: entry?.user || env.USER || String(uid), uid, gid, home, shell: shell ?? '/bin/sh' };
}

function passwdEntry(uid: number): { user: string; home: string; shell: string } | null {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const fields = line.split(':');
      if (fields.length >= 7 && fields[2] === String(uid)) {
        return { user: fields[0]!, home: fields[5]!, shell: fields[6]! || '/bin/sh' };
      }
    }
  } catch {
    // An image without the file has no names.
  }
  return null;
}

/** Users that other sources than the file name (LDAP), as far as the packed C library can ask them. */
function systemEntry(): { user: string; home: string; shell: string } | null {
  try {
    const { username, homedir, shell } = userInfo();
    return { user: username, home: homedir, shell: shell ?? '' };
  } catch {
    return null;
  }
}

function isFolder(path: string): boolean {
  try {
    return path.startsWith('/') && statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isShell(path: string): boolean {
  try {
    if (!path.startsWith('/') || refusals.test(path)) return false;
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
