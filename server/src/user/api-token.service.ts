/** API tokens: for scripts and the `easel` command. Shown once, stored as a hash, with an expiry and a last use. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound, type UserActor } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { ApiToken } from '../generated/prisma/client.ts';
import { parseInput } from '../parse-input.ts';
import { readRights } from '../rights/grants.ts';
import { may } from '../rights/may.ts';
import { hashSecret, newToken, TOKEN_PREFIXES } from '../secrets.ts';
import { apiTokenStore } from './api-token.store.ts';
import { userStore } from './user.store.ts';

export const createApiTokenSchema = z.object({
  name: z.string().trim().min(1, 'a token needs a name').max(100),
  expiresAt: z.coerce.date().nullish(),
  /** Id of a service account instead of the caller. */
  owner: z.string().max(200).nullish(),
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
  readonly #onEnded: (tx: Tx, userId: UserId) => Promise<void>;
  readonly #serviceAccount: (actor: Actor, id: string) => Promise<{ id: UserId }>;

  constructor(parts: {
    db: Db;
    clock: Clock;
    /** Tells the user's workers, in the transaction that ends one: what came in by it is cut. */
    onEnded: (tx: Tx, userId: UserId) => Promise<void>;
    /** Throws unless the actor may make tokens for it. */
    serviceAccount: (actor: Actor, id: string) => Promise<{ id: UserId }>;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#onEnded = parts.onEnded;
    this.#serviceAccount = parts.serviceAccount;
  }

  /** The caller's own, or those of a service account. */
  async list(actor: Actor, ownerId: string | null = null): Promise<ApiToken[]> {
    const userId = await this.#ownerOf(actor, ownerId);
    return reading(() => apiTokenStore.list(this.#db, userId, new Date(this.#clock.now())));
  }

  /** `token` is never to be had again. */
  async create(
    actor: Actor,
    input: z.input<typeof createApiTokenSchema>,
  ): Promise<{ token: string; apiToken: ApiToken }> {
    asUser(actor);
    const now = this.#clock.now();
    const schema = createApiTokenSchema.refine(({ expiresAt }) => !expiresAt || expiresAt.getTime() > now, {
      path: ['expiresAt'],
      message: 'expected a moment in the future',
    });
    const { name, expiresAt, owner } = parseInput(schema, input);
    return this.#make(await this.#ownerOf(actor, owner ?? null), name, expiresAt ?? null);
  }

  /** The caller's own; administrators revoke everybody's. */
  async revoke(actor: Actor, id: string): Promise<ApiToken> {
    asUser(actor);
    const row = await reading(() => apiTokenStore.find(this.#db, id));
    if (!row || !may(actor, 'apiToken.revoke', { ownerId: row.userId })) throw notFound('API token');
    await inTransaction(this.#db, async (tx) => {
      await apiTokenStore.revoke(tx, id, new Date(this.#clock.now()));
      await this.#onEnded(tx, row.userId as UserId);
    });
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
    return this.#actorOf(row);
  }

  /** The user of a token that is known by its id; null when it has ended. */
  async actorOf(id: string): Promise<UserActor | null> {
    const row = await reading(() => apiTokenStore.findValidById(this.#db, id, new Date(this.#clock.now())));
    return row && this.#actorOf(row);
  }

  async #actorOf({ id, user }: { id: string; user: { id: string; login: string } }): Promise<UserActor> {
    const credential = { kind: 'token', id } as const;
    const userId = user.id as UserId;
    return { kind: 'user', userId, login: user.login, rights: await readRights(this.#db, userId), credential };
  }

  /** The token that somebody tried to use and may not, and why: for the audit log. Null when it says nothing. */
  async known(token: string): Promise<{ id: string; name: string; why: string } | null> {
    if (!token.startsWith('easel_')) return null;
    const row = await reading(() => apiTokenStore.findBySecret(this.#db, hashSecret(token)));
    if (row) {
      const { id, name, revokedAt, user } = row;
      return { id, name, why: revokedAt ? 'revoked' : user.disabledAt ? 'its owner is disabled' : 'expired' };
    }
    const alike = await reading(() => apiTokenStore.findByPrefix(this.#db, token.slice(0, SHOWN_CHARACTERS)));
    return alike && { id: alike.id, name: alike.name, why: 'begins like this token, and is another' };
  }

  /** Those of everybody that end within this time. */
  expiring(tx: Tx, from: Date, until: Date): ReturnType<typeof apiTokenStore.expiring> {
    return apiTokenStore.expiring(tx, from, until);
  }

  /** The token that an administrator has preset, for the scripts of a machine. */
  async ensure(userId: UserId, token: string, name: string): Promise<void> {
    const row = { userId, name, prefix: token.slice(0, SHOWN_CHARACTERS), secretHash: hashSecret(token) };
    await inTransaction(this.#db, (tx) => apiTokenStore.ensure(tx, row));
  }

  async #ownerOf(actor: Actor, id: string | null): Promise<UserId> {
    return id === null ? asUser(actor).userId : (await this.#serviceAccount(actor, id)).id;
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
