import { readFile } from 'node:fs/promises';
import { addSshKeyMutation, removeSshKeyMutation, type SshKey, sshKeysQuery } from '../api/account.ts';
import type { Context } from '../context.ts';
import { badUsage } from '../failure.ts';
import { type Io, readAll } from '../io.ts';
import { relative } from '../output/format.ts';
import { readPublicKey } from '../ssh/public-key.ts';
import { pick } from './find.ts';

/** A public key of RSA with 16384 bits has 2.8 KiB. */
const MAX_KEY_BYTES = 16_384;

const DAY_MS = 86_400_000;
/** Nearer than this, an expiry is told of. */
const SOON_MS = 7 * DAY_MS;

export async function addSshKey(
  context: Context,
  path: string,
  options: { name?: string; expiresDays?: number; verifyRequired?: true },
): Promise<void> {
  const { io, out } = context;
  const key = readPublicKey(await readKeyFile(path, io), path);
  const api = await context.api();
  const { expiresDays, verifyRequired } = options;
  const input = {
    name: options.name ?? (key.comment || undefined),
    publicKey: `${key.line} ${key.comment}`.trim(),
    ...(expiresDays === undefined ? {} : { expiresAt: new Date(Date.now() + expiresDays * DAY_MS).toISOString() }),
    ...(verifyRequired ? { verifyRequired } : {}),
  };
  const added = await api.ask(addSshKeyMutation, { input });
  out.json(added);
  out.line(`${added.name} (${added.fingerprint}) may enter your environments`);
}

export async function listSshKeys({ api: open, out }: Context): Promise<void> {
  const keys = await (await open()).ask(sshKeysQuery, {}, { isRepeatable: true });
  out.json(keys);
  if (keys.length === 0) {
    out.note('no SSH keys yet; `easel ssh-key add FILE` adds one');
    return;
  }
  const nowMs = Date.now();
  out.table(
    ['NAME', 'ALGORITHM', 'FINGERPRINT', 'ADDED', 'USED', 'FROM', 'EXPIRES', 'ID'],
    keys.map((key: SshKey) => [
      key.name,
      key.algorithm,
      key.fingerprint,
      relative(key.createdAt, nowMs),
      relative(key.lastUsedAt, nowMs),
      key.lastUsedFrom ?? '-',
      relative(key.expiresAt, nowMs),
      key.id,
    ]),
  );
  for (const key of keys) {
    const warning = expiryWarning(key, nowMs);
    if (warning) out.note(warning);
  }
}

function expiryWarning({ name, expiresAt }: SshKey, nowMs: number): string | null {
  if (expiresAt === null || Date.parse(expiresAt) - nowMs > SOON_MS) return null;
  if (Date.parse(expiresAt) > nowMs) return `${name} expires ${relative(expiresAt, nowMs)}: add its successor before`;
  return `${name} has expired and lets nobody in: \`easel ssh-key remove ${name}\``;
}

/** By name, id or fingerprint. */
export async function removeSshKey({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const keys = await api.ask(sshKeysQuery, {}, { isRepeatable: true });
  const key = keys.find(({ fingerprint }) => fingerprint === which) ?? pick(keys, which, 'SSH key');
  await api.ask(removeSshKeyMutation, { id: key.id });
  out.json(key);
  out.line(`${key.name} (${key.fingerprint}) may no longer enter your environments`);
}

async function readKeyFile(path: string, { stdin }: Io): Promise<string> {
  try {
    return path === '-' ? await readAll(stdin, MAX_KEY_BYTES) : await readFile(path, 'utf8');
  } catch (err) {
    throw badUsage(`cannot read ${path}: ${(err as Error).message}`, err);
  }
}
