/** Which of this user's keys Easel knows: looked for in `~/.ssh` and in the SSH agent. */
import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '@easel/kit/config';
import { type PublicKey, parsePublicKeyLine } from './public-key.ts';

export interface Identities {
  /** Private key files whose public half is known. */
  readonly files: readonly string[];
  /** The agent holds a known key. */
  readonly isInAgent: boolean;
  /** A public key file of this user that is not known, to suggest. */
  readonly unknownFile: string | undefined;
}

const AGENT_LIMIT_MS = 3_000;
/** More `.pub` files than people have. */
const MAX_FILES = 100;

export async function findIdentities(
  known: ReadonlySet<string>,
  options: { home: string; env: Env },
): Promise<Identities> {
  const [files, agent] = await Promise.all([keyFiles(join(options.home, '.ssh')), agentKeys(options.env)]);
  const inAgent = new Set(agent.map(({ fingerprint }) => fingerprint));
  const usable = files.filter(({ key, hasPrivate }) => hasPrivate || inAgent.has(key.fingerprint));
  return {
    files: usable.filter(({ key }) => known.has(key.fingerprint)).map(({ path }) => path),
    isInAgent: [...inAgent].some((fingerprint) => known.has(fingerprint)),
    unknownFile: files.find(({ key }) => !known.has(key.fingerprint))?.path.concat('.pub'),
  };
}

/** Never throws: whoever has no such folder has no keys. */
async function keyFiles(folder: string): Promise<{ path: string; key: PublicKey; hasPrivate: boolean }[]> {
  const names = await readdir(folder).catch(() => []);
  const pubs = names.filter((name) => name.endsWith('.pub')).sort();
  const found = await Promise.all(
    pubs.slice(0, MAX_FILES).map(async (name) => {
      const path = join(folder, name.slice(0, -'.pub'.length));
      const key = parsePublicKeyLine(await readFile(join(folder, name), 'utf8').catch(() => ''));
      const hasPrivate = await access(path).then(
        () => true,
        () => false,
      );
      return key ? [{ path, key, hasPrivate }] : [];
    }),
  );
  return found.flat();
}

/** Never throws: no agent, no keys. */
function agentKeys(env: Env): Promise<PublicKey[]> {
  if (!env.SSH_AUTH_SOCK) return Promise.resolve([]);
  return new Promise((resolve) => {
    execFile('ssh-add', ['-L'], { env, timeout: AGENT_LIMIT_MS }, (_err, stdout) => {
      resolve(stdout.split('\n').flatMap((line) => parsePublicKeyLine(line) ?? []));
    });
  });
}
