/** API tokens: for scripts and the `easel` command. Shown once, stored as a hash, with an expiry and a last use. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound, type UserActor } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import type { ApiToken } from '../generated/prisma/client.ts';
import { parseInput } from '../parse-input.ts';
import { rightsOf } from '../rights/roles.ts';
import { hashSecret, newToken, TOKEN_PREFIXES } from '../secrets.ts';
import { apiTokenStore } from './api-token.store.ts';
import { userStore } from './user.store.ts';

export const createApiTokenSchema = z.object({
  name: z.string().trim().min(1, 'a token needs a name').max(100),
  expiresAt: z.coerce.date().nullish(),
});

/** Enough of a token to tell it from the others. */
const SHOWN_CHARACTERS = TOKEN_PREFIXES.user.length + 4;
/** A script that makes a token at each run, and never revokes one, is told. */
const MAX_TOKENS = 200;
/** The last use is written at most this often. */
const USED_EVERY_MS = 60_000;

export class ApiTokenService {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(parts: { db: Db; clock: Clock }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
  }

  list(actor: Actor): Promise<ApiToken[]> {
    const { userId } = asUser(actor);
    return reading(() => apiTokenStore.list(this.#db, userId, new Date(this.#clock.now())));
  }

  /** `token` is never to be had again. */
  async create(
    actor: Actor,
    input: z.input<typeof createApiTokenSchema>,
  ): Promise<{ token: string; apiToken: ApiToken }> {
    const { userId } = asUser(actor);
    const now = this.#clock.now();
    const schema = createApiTokenSchema.refine(({ expiresAt }) => !expiresAt || expiresAt.getTime() > now, {
      path: ['expiresAt'],
      message: 'expected a moment in the future',
    });
    const { name, expiresAt } = parseInput(schema, input);
    return this.#make(userId, name, expiresAt ?? null);
  }

  async revoke(actor: Actor, id: string): Promise<ApiToken> {
    const { userId } = asUser(actor);
    const row = await reading(() => apiTokenStore.find(this.#db, id, userId));
    if (!row) throw notFound('API token');
    await inTransaction(this.#db, (tx) => apiTokenStore.revoke(tx, id, new Date(this.#clock.now())));
    return row;
  }

  /** The user whose token this is; null when it is unknown, revoked or too old. */
  async authenticate(token: string): Promise<UserActor | null> {
    const now = this.#clock.now();
    const row = await reading(() => apiTokenStore.findValid(this.#db, hashSecret(token), new Date(now)));
    if (!row) return null;
    if (now - (row.lastUsedAt?.getTime() ?? 0) > USED_EVERY_MS) {
      await reading(() => apiTokenStore.setUsed(this.#db, row.id, new Date(now)));
    }
    const { id: userId, login } = row.user;
    const credential = { kind: 'token', id: row.id } as const;
    return { kind: 'user', userId: userId as UserId, login, rights: rightsOf(row.user), credential };
  }

  /** The token that an administrator has preset, for the scripts of a machine. */
  async ensure(userId: UserId, token: string, name: string): Promise<void> {
    const row = { userId, name, prefix: token.slice(0, SHOWN_CHARACTERS), secretHash: hashSecret(token) };
    await inTransaction(this.#db, (tx) => apiTokenStore.ensure(tx, row));
  }

  async #make(userId: UserId, name: string, expiresAt: Date | null) {
    const token = newToken('user');
    const row = { userId, name, prefix: token.slice(0, SHOWN_CHARACTERS), secretHash: hashSecret(token), expiresAt };
    const apiToken = await inTransaction(this.#db, async (tx) => {
      await userStore.lock(tx, userId);
      if ((await apiTokenStore.list(tx, userId, new Date(this.#clock.now()))).length >= MAX_TOKENS) {
        const message = `you have ${MAX_TOKENS} API tokens already: revoke one that you no longer use`;
        throw new AppError({ code: 'QUOTA_EXCEEDED', message });
      }
      return apiTokenStore.insert(tx, row);
    });
    return { token, apiToken };
  }
}
