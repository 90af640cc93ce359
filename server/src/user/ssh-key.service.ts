/** The public keys that a user enters environments with. A change reaches the workers that run at once. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import { z } from 'zod';
import { type Actor, asUser, notFound, type UserActor } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx, uniqueViolation } from '../db.ts';
import type { SshKey } from '../generated/prisma/client.ts';
import { parseInput } from '../parse-input.ts';
import { readRights } from '../rights/grants.ts';
import { sshKeyStore } from './ssh-key.store.ts';
import { parseSshPublicKey } from './ssh-public-key.ts';
import { userStore } from './user.store.ts';

export const addSshKeySchema = z.object({
  /** Without one, the key's own comment. */
  name: z.string().trim().max(100).nullish(),
  publicKey: z.string().min(1, 'expected a public key'),
  expiresAt: z.coerce.date().nullish(),
  verifyRequired: z.boolean().nullish(),
});

/** Somebody who has uploaded a key, as the actor that it proves. */
export interface KeyOwner {
  key: SshKey;
  actor: UserActor;
}

/** All of them travel in every manifest. */
const MAX_KEYS = 50;
/** Of whoever does not fit, the jump still takes every key: only `ssh -J` needs the worker to know it. */
const MAX_GUEST_KEYS = 1_000;
const MAX_GUEST_KEY_BYTES = 400_000;
/** The last use is written at most this often. */
const USED_EVERY_MS = 60_000;

export class SshKeyService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #onChanged: (tx: Tx, userId: UserId) => Promise<void>;

  constructor(parts: {
    db: Db;
    clock: Clock;
    /** Tells the user's workers, in the transaction of the change. */
    onChanged: (tx: Tx, userId: UserId) => Promise<void>;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#onChanged = parts.onChanged;
  }

  list(actor: Actor): Promise<SshKey[]> {
    const { userId } = asUser(actor);
    return reading(() => sshKeyStore.list(this.#db, userId));
  }

  async add(actor: Actor, input: z.input<typeof addSshKeySchema>): Promise<SshKey> {
    const { userId } = asUser(actor);
    const now = this.#clock.now();
    const schema = addSshKeySchema.refine(({ expiresAt }) => !expiresAt || expiresAt.getTime() > now, {
      path: ['expiresAt'],
      message: 'expected a moment in the future',
    });
    const { name, publicKey: text, expiresAt = null, verifyRequired } = parseInput(schema, input);
    const { comment, isSecurityKey, ...key } = parseSshPublicKey(text);
    if (verifyRequired && !isSecurityKey) throw noSecurityKey();
    try {
      return await inTransaction(this.#db, async (tx) => {
        await userStore.lock(tx, userId);
        if ((await sshKeyStore.count(tx, userId)) >= MAX_KEYS) {
          throw new AppError({
            code: 'QUOTA_EXCEEDED',
            message: `you have ${MAX_KEYS} SSH keys already: remove one that you no longer use`,
          });
        }
        const row = await sshKeyStore.insert(tx, {
          userId,
          name: name || comment.slice(0, 100) || key.algorithm,
          ...key,
          expiresAt,
          verifyRequired: verifyRequired ?? false,
        });
        await this.#onChanged(tx, userId);
        return row;
      });
    } catch (err) {
      if (uniqueViolation(err) === null) throw err;
      throw new AppError({ code: 'NAME_TAKEN', message: 'you have added this key before' });
    }
  }

  async remove(actor: Actor, id: string): Promise<SshKey> {
    const { userId } = asUser(actor);
    const row = await reading(() => sshKeyStore.find(this.#db, id, userId));
    if (!row) throw notFound('SSH key');
    await inTransaction(this.#db, async (tx) => {
      await sshKeyStore.delete(tx, id);
      await this.#onChanged(tx, userId);
    });
    return row;
  }

  /** What the SSH side of an environment accepts: the owner's keys first, then as many of its guests' as fit into a manifest. */
  async authorizedKeysOf(ownerId: UserId, guestIds: readonly UserId[]): Promise<AuthorizedKey[]> {
    const now = new Date(this.#clock.now());
    const own = await reading(() => sshKeyStore.listGood(this.#db, [ownerId], { now, limit: MAX_KEYS }));
    const guests = await reading(() => sshKeyStore.listGood(this.#db, guestIds, { now, limit: MAX_GUEST_KEYS }));
    let bytes = 0;
    const fitting = guests.filter(({ publicKey }) => {
      bytes += publicKey.length;
      return bytes <= MAX_GUEST_KEY_BYTES;
    });
    return [...own, ...fitting].map(({ id, publicKey, userId, expiresAt, verifyRequired }) => ({
      id,
      publicKey,
      userId: userId as UserId,
      ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}),
      ...(verifyRequired ? { verifyRequired } : {}),
    }));
  }

  /** The users who have uploaded this key, in OpenSSH's form; the comment does not count. */
  async ownersOf(publicKey: string): Promise<KeyOwner[]> {
    const [algorithm = '', base64 = ''] = publicKey.trim().split(/\s+/);
    const now = new Date(this.#clock.now());
    const rows = await reading(() => sshKeyStore.owners(this.#db, `${algorithm} ${base64}`, now));
    const owners = rows.map(async (key): Promise<KeyOwner> => {
      const userId = key.user.id as UserId;
      const credential = { kind: 'sshKey', id: key.id } as const;
      const rights = await readRights(this.#db, userId);
      return { key, actor: { kind: 'user', userId, login: key.user.login, rights, credential } };
    });
    return Promise.all(owners);
  }

  async markUsed({ id, lastUsedAt, lastUsedFrom }: SshKey, from: string): Promise<void> {
    const now = this.#clock.now();
    if (from === lastUsedFrom && now - (lastUsedAt?.getTime() ?? 0) < USED_EVERY_MS) return;
    await reading(() => sshKeyStore.setUsed(this.#db, id, { at: new Date(now), from }));
  }
}

function noSecurityKey(): AppError {
  const message = 'only a security key (sk-…) can ask for a PIN or a finger: leave this out for other keys';
  return new AppError({ code: 'INVALID_INPUT', message, details: { fields: [{ path: 'verifyRequired', message }] } });
}
