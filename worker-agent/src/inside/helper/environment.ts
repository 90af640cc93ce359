import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Identity } from '../client.ts';
import { HELPER_OWN_VARIABLES, PACK, SAVED_PREFIX } from '../pack/layout.ts';

const packDir = dirname(import.meta.filename);
/** What execvp(3) takes when PATH is absent. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The image's variables: our own, with those given back that would have changed how we run ourselves. */
const imageEnvironment = Object.fromEntries(
  Object.entries(process.env as Record<string, string>)
    .filter(([name, value]) => value !== '' || !HELPER_OWN_VARIABLES.includes(name))
    .map(([name, value]) => [name.startsWith(SAVED_PREFIX) ? name.slice(SAVED_PREFIX.length) : name, value]),
);

/** What a child process gets: the image's variables between `defaults` and `env`, and our programs after all others. */
export function environmentOf(env: Record<string, string>, defaults: Record<string, string>): Record<string, string> {
  const path = env.PATH || imageEnvironment.PATH || defaultPath;
  return { ...defaults, ...imageEnvironment, ...env, PATH: `${path}:${join(packDir, PACK.bin)}` };
}

/** The first of the wanted folder, the home and `/` that can be entered. */
export function folderOf(cwd: string, identity: Identity): string {
  for (const path of [cwd, identity.home]) {
    try {
      if (statSync(path).isDirectory()) return path;
    } catch {
      // Try the next one.
    }
  }
  return '/';
}
