/** API tokens: for scripts and the `easel` command. Shown once, stored as a hash, with an expiry and a last use. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, forbidden, notFound, type UserActor } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { ApiToken } from '../generated/prisma/client.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { readRights } from '../rights/grants.ts';
import { may, mustMay } from '../rights/may.ts';
import { covers, SCOPE_WORDS, type ScopeWord, scopesOf, withinScopes } from '../rights/scopes.ts';
import { hashSecret, newToken, TOKEN_PREFIXES } from '../secrets.ts';
import { apiTokenStore } from './api-token.store.ts';
import { userStore } from './user.store.ts';

/** Words of scopes, each once. */
export const scopesSchema = z
  .array(z.enum(SCOPE_WORDS))
  .min(1, 'expected at least one scope, or none at all for all that the owner may')
  .max(50)
  .transform((words) => [...new Set(words)].sort());

export const createApiTokenSchema = z.object({
  name: z.string().trim().min(1, 'a token needs a name').max(100),
  expiresAt: z.coerce.date().nullish(),
  /** Id of a service account instead of the caller. */
  owner: z.string().max(200).nullish(),
  /** Left out: all that the owner may. */
  scopes: scopesSchema.nullish(),
});

/** How long the old secret is good beside the new one: a month covers the slowest pipeline. */
const rotateSchema = z.object({ overlapHours: z.number().int().min(0).max(720).default(24) });

const DAY_MS = 86_400_000;
/** Enough of a token to tell it from the others. */
const SHOWN_CHARACTERS = TOKEN_PREFIXES.user.length + 4;
/** A script that makes a token at each run, and never revokes one, is told. */
const MAX_TOKENS = 200;
/** Addresses that a token is remembered to have been used from; the one that comes after so many others is told anew. */
const MAX_ADDRESSES = 20;
/** The last use is written at most this often. */
const USED_EVERY_MS = 60_000;

export class ApiTokenService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #audit: AuditService;
  readonly #maxDays: number;
  readonly #onEnded: (tx: Tx, userId: UserId) => Promise<void>;
  readonly #serviceAccount: (actor: Actor, id: string) => Promise<{ id: UserId }>;

  constructor(parts: {
    db: Db;
    clock: Clock;
    audit: AuditService;
    /** The longest life of a token; 0 lets it be without end. */
    maxDays: number;
    /** Tells the user's workers, in the transaction that ends one: what came in by it is cut. */
    onEnded: (tx: Tx, userId: UserId) => Promise<void>;
    /** Throws unless the actor may make tokens for it. */
    serviceAccount: (actor: Actor, id: string) => Promise<{ id: UserId }>;
  }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#audit = parts.audit;
    this.#maxDays = parts.maxDays;
    this.#onEnded = parts.onEnded;
    this.#serviceAccount = parts.serviceAccount;
  }

  get maxDays(): number {
    return this.#maxDays;
  }

  /** The caller's own, or those of a service account. */
  async list(actor: Actor, ownerId: string | null = null): Promise<ApiToken[]> {
    const userId = await this.#ownerOf(actor, ownerId);
    return reading(() => apiTokenStore.list(this.#db, userId, new Date(this.#clock.now())));
  }

  /** `token` is never to be had again. Throws FORBIDDEN for a token that could do more than the one that makes it. */
  async create(actor: Actor, input: z.input<typeof createApiTokenSchema>): Promise<NewApiToken> {
    const given = parseInput(createApiTokenSchema, input);
    const expiresAt = this.#expiry(given.expiresAt ?? null);
    const userId = await this.#ownerOf(actor, given.owner ?? null);
    const scopes = withinOwn(actor, given.scopes ?? null);
    return this.#make({ userId, name: given.name, scopes, expiresAt });
  }

  /** For somebody who has allowed it from elsewhere; `besides` is done with it, or neither is. */
  makeAllowed(
    userId: UserId,
    { name, days }: { name: string; days: number },
    besides: (tx: Tx) => Promise<void>,
  ): Promise<NewApiToken> {
    const expiresAt = this.#expiry(new Date(this.#clock.now() + days * DAY_MS), 'shorten');
    return this.#make({ userId, name, scopes: null, expiresAt }, besides);
  }

  /** A new secret for what a token is for. The old one is good for some hours more, and is listed until then. */
  async rotate(actor: Actor, id: string, input: z.input<typeof rotateSchema> = {}): Promise<NewApiToken> {
    const { overlapHours } = parseInput(rotateSchema, input);
    const old = await this.#changeable(actor, id);
    withinOwn(actor, old.scopes as ScopeWord[] | null);
    const now = this.#clock.now();
    const lifeMs = old.expiresAt ? old.expiresAt.getTime() - old.createdAt.getTime() : null;
    const { name, scopes } = old;
    const userId = old.userId as UserId;
    const expiresAt = this.#expiry(lifeMs === null ? null : new Date(now + lifeMs), 'shorten');
    return this.#make(
      { userId, name, scopes: scopes as ScopeWord[] | null, expiresAt, rotatedFromId: id },
      async (tx) => {
        const until = new Date(now + overlapHours * 3_600_000);
        if (overlapHours === 0) await apiTokenStore.revoke(tx, id, until);
        else if (!(await apiTokenStore.endAt(tx, id, until))) throw notFound('API token');
        await this.#onEnded(tx, userId);
      },
    );
  }

  /** What came in by the token and is no longer its purpose is cut. Null is all that the owner may. */
  async setScopes(actor: Actor, id: string, scopes: readonly string[] | null): Promise<ApiToken> {
    const wanted = parseInput(z.object({ scopes: scopesSchema.nullable() }), { scopes }).scopes;
    const { userId, scopes: old } = await this.#changeable(actor, id);
    withinOwn(actor, old as ScopeWord[] | null);
    const kept = withinOwn(actor, wanted);
    return inTransaction(this.#db, async (tx) => {
      const changed = await apiTokenStore.setScopes(tx, id, kept);
      await this.#onEnded(tx, userId as UserId);
      return changed;
    });
  }

  /** Tells workers of tokens whose time has come since this was asked last; what came in by them is cut. */
  async tellEnded(sinceMs: number): Promise<void> {
    const owners = await reading(() => apiTokenStore.ownersOfEnded(this.#db, new Date(this.#clock.now() - sinceMs)));
    for (const userId of owners) await inTransaction(this.#db, (tx) => this.#onEnded(tx, userId));
  }

  /** The caller's own; administrators revoke everybody's. */
  async revoke(actor: Actor, id: string): Promise<ApiToken> {
    const row = await this.#changeable(actor, id);
    await inTransaction(this.#db, async (tx) => {
      await apiTokenStore.revoke(tx, id, new Date(this.#clock.now()));
      await this.#onEnded(tx, row.userId as UserId);
    });
    return row;
  }

  /** The user whose token this is; null when it is unknown, revoked or too old. */
  async authenticate(token: string, address: string | null = null): Promise<UserActor | null> {
    const now = this.#clock.now();
    const row = await reading(() => apiTokenStore.findValid(this.#db, hashSecret(token), new Date(now)));
    if (!row) return null;
    const actor = await this.#actorOf(row);
    await this.#used(row, actor, address);
    return actor;
  }

  /** The user of a token that is known by its id, with no more than its scopes; null when it has ended. */
  async actorOf(id: string): Promise<UserActor | null> {
    const row = await reading(() => apiTokenStore.findValidById(this.#db, id, new Date(this.#clock.now())));
    return row && this.#actorOf(row);
  }

  async #actorOf(row: Pick<ApiToken, 'id' | 'scopes'> & { user: { id: string; login: string } }): Promise<UserActor> {
    const { id, user } = row;
    const userId = user.id as UserId;
    const scopes = scopesOf(row.scopes);
    const rights = withinScopes(await readRights(this.#db, userId), scopes);
    return { kind: 'user', userId, login: user.login, rights, scopes, credential: { kind: 'token', id } };
  }

  /** Writes the last use once in a while, and tells of an address that the token has not been used from. */
  async #used(row: ApiToken, actor: UserActor, address: string | null): Promise<void> {
    const now = this.#clock.now();
    const isNew = address !== null && address !== '' && !(row.knownAddresses as string[]).includes(address);
    if (!isNew && now - (row.lastUsedAt?.getTime() ?? 0) <= USED_EVERY_MS) return;
    const told = await reading(() =>
      apiTokenStore.setUsed(this.#db, row.id, { now: new Date(now), address: address || null, keep: MAX_ADDRESSES }),
    );
    // A token of a client is new each hour; what it was given for leaves the entry.
    if (!told || row.clientCredentialId !== null) return;
    const act = {
      action: 'useApiToken',
      actor,
      from: { address, requestId: null },
      thingId: row.id,
      thingName: row.name,
    };
    await this.#audit.record({ ...act, args: { isNewAddress: true } }, 'done');
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
    if (id !== null) return (await this.#serviceAccount(actor, id)).id;
    const { userId } = asUser(actor);
    mustMay(actor, 'apiToken.make', { ownerId: userId });
    return userId;
  }

  /** Throws NOT_FOUND for what is somebody else's, too. */
  async #changeable(actor: Actor, id: string): Promise<ApiToken> {
    asUser(actor);
    const row = await reading(() => apiTokenStore.find(this.#db, id));
    if (!row || !may(actor, 'apiToken.revoke', { ownerId: row.userId })) throw notFound('API token');
    return row;
  }

  /** Throws INVALID_INPUT for what the installation does not allow. */
  #expiry(wanted: Date | null, tooLong: 'refuse' | 'shorten' = 'refuse'): Date | null {
    const now = this.#clock.now();
    if (wanted && wanted.getTime() <= now) {
      throw invalidInput([{ path: 'expiresAt', message: 'expected a moment in the future' }]);
    }
    if (this.#maxDays === 0) return wanted;
    const last = new Date(now + this.#maxDays * DAY_MS);
    // A day of slack: the other side's clock made the moment.
    if (wanted && tooLong === 'refuse' && wanted.getTime() > last.getTime() + DAY_MS) {
      throw invalidInput([{ path: 'expiresAt', message: `tokens are good for at most ${this.#maxDays} days here` }]);
    }
    return wanted && wanted < last ? wanted : last;
  }

  async #make(
    wish: Pick<ApiToken, 'name' | 'expiresAt'> & {
      userId: UserId;
      scopes: readonly ScopeWord[] | null;
      rotatedFromId?: string;
    },
    besides: (tx: Tx) => Promise<void> = async () => undefined,
  ): Promise<NewApiToken> {
    const { userId } = wish;
    const token = newToken('user');
    const row = { ...wish, prefix: token.slice(0, SHOWN_CHARACTERS), secretHash: hashSecret(token) };
    const apiToken = await inTransaction(this.#db, async (tx) => {
      await userStore.lock(tx, userId);
      if ((await apiTokenStore.list(tx, userId, new Date(this.#clock.now()))).length >= MAX_TOKENS) {
        const message = `there are ${MAX_TOKENS} API tokens already: revoke one that is no longer used`;
        throw new AppError({ code: 'QUOTA_EXCEEDED', message });
      }
      await besides(tx);
      return apiTokenStore.insert(tx, row);
    });
    return { token, apiToken };
  }
}

/** `token` is shown this once. */
export interface NewApiToken {
  token: string;
  apiToken: ApiToken;
}

/** What is wanted, or for a token with scopes at most these. Throws FORBIDDEN for more than the actor's own. */
export function withinOwn(actor: Actor, wanted: readonly ScopeWord[] | null): ScopeWord[] | null {
  const { scopes = null } = asUser(actor);
  if (covers(scopes, scopesOf(wanted))) return wanted && [...wanted];
  throw forbidden('a token makes no token that may do more than itself: name fewer scopes, or sign in');
}
