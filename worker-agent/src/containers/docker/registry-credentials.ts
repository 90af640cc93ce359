/**
 * Sign-ins for registries, as a platform mounts them: a folder with one folder per secret, each with a `config.json` as Docker's
 * client writes it. Read again for every start: secrets are renewed. Sources: Docker's documentation of config.json, `auths`;
 * Kubernetes' documentation, "Interpretation of config.json" (paths and wildcards).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '@easel/kit/log';
import type { AuthConfigObject } from 'dockerode';
import { z } from 'zod';

export interface RegistryCredentials {
  /** What to sign in with for this image; null where nothing fits. */
  for(image: string): AuthConfigObject | null;
}

const configSchema = z.object({
  auths: z.record(
    z.string(),
    z.object({
      auth: z.string().optional(),
      username: z.string().optional(),
      password: z.string().optional(),
      identitytoken: z.string().optional(),
    }),
  ),
});
type SignIn = z.output<typeof configSchema>['auths'][string];

/** Docker Hub goes by several names. */
const HUB = 'docker.io';
const HUB_NAMES = ['index.docker.io', 'registry-1.docker.io', 'docker.io'];

/** A file that cannot be read is left out, with a word in the log that says nothing of what is in it. */
export function readRegistryCredentials(dir: string | undefined, log: Log): RegistryCredentials {
  const entries =
    dir === undefined ? [] : foldersOf(dir).flatMap((name) => signInsOf(join(dir, name, 'config.json'), log));
  // The longer place is the closer one: a team's path goes before the registry's own.
  entries.sort((a, b) => b.place.length - a.place.length);
  return {
    for(image) {
      const name = fullName(image);
      const found = entries.find(({ place }) => covers(place, name));
      return found ? authOf(found.signIn, name.split('/', 1)[0] ?? '') : null;
    },
  };
}

function foldersOf(dir: string): string[] {
  try {
    // What begins with two dots is how Kubernetes exchanges the contents of a mount.
    return readdirSync(dir).filter((name) => !name.startsWith('..'));
  } catch {
    return [];
  }
}

function signInsOf(file: string, log: Log): { place: string; signIn: SignIn }[] {
  try {
    const { auths } = configSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return Object.entries(auths).map(([key, signIn]) => ({ place: placeOf(key), signIn }));
  } catch {
    log.warn({ file }, 'sign-ins for registries cannot be read');
    return [];
  }
}

/** `https://index.docker.io/v1/` and the like, as `host[:port][/path]`. */
function placeOf(key: string): string {
  const bare = key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  const [host = '', ...path] = bare.split('/');
  return [HUB_NAMES.includes(host) ? HUB : host, ...path].join('/');
}

/** With the host that Docker adds, without tag and digest. Source: distribution/reference, "normalized named". */
function fullName(image: string): string {
  const name = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const [first = ''] = name.split('/', 1);
  const hasHost = name.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  if (!hasHost) return `${HUB}/${name.includes('/') ? name : `library/${name}`}`;
  return HUB_NAMES.includes(first) ? `${HUB}${name.slice(first.length)}` : name;
}

/** `*` stands for a part of a host's name between dots; a path covers all below it. */
function covers(place: string, name: string): boolean {
  const [host = '', ...path] = place.split('/');
  const [wanted = '', ...rest] = name.split('/');
  return coversHost(host, wanted) && path.every((part, i) => part === rest[i]);
}

function coversHost(pattern: string, host: string): boolean {
  const parts = pattern.split('.');
  const wanted = host.split('.');
  return parts.length === wanted.length && parts.every((part, i) => part === '*' || part === wanted[i]);
}

function authOf(signIn: SignIn, serveraddress: string): AuthConfigObject | null {
  const [username, password] = signIn.auth
    ? splitOnce(Buffer.from(signIn.auth, 'base64').toString('utf8'))
    : [signIn.username ?? '', signIn.password ?? ''];
  if (signIn.identitytoken) return { username, serveraddress, identitytoken: signIn.identitytoken } as AuthConfigObject;
  return username === '' && password === '' ? null : { username, password, serveraddress };
}

function splitOnce(text: string): [username: string, password: string] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
}
