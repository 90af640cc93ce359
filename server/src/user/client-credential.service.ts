/**
 * Service accounts as OAuth clients: they prove themselves with a secret or a signed statement, and are given a token for an
 * hour. The client's id is the account's id or login. Several secrets may be good at once, so that one can be replaced
 * while the other is still used. Tokens are random and stored as hashes like all others, so that a revocation holds at once.
 * Source: RFC 6749 §4.4, RFC 7523 §2.2 (private_key_jwt), RFC 7009.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { importJWK, type JWK, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Actor, ANONYMOUS, notFound } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { ClientCredential, User } from '../generated/prisma/client.ts';
import { parseInput } from '../parse-input.ts';
import { RateLimit } from '../rate-limit.ts';
import { isWithin, type ScopeWord, scopesOf } from '../rights/scopes.ts';
import { hashSecret, newToken, TOKEN_PREFIXES } from '../secrets.ts';
import { scopesSchema, withinOwn } from './api-token.service.ts';
import { apiTokenStore } from './api-token.store.ts';
import { clientCredentialStore } from './client-credential.store.ts';
import type { SignInAttempts } from './sign-in-attempts.ts';
import { userStore } from './user.store.ts';

const ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const;

const jwkSchema = z
  .looseObject({
    kty: z.enum(['EC', 'OKP', 'RSA']),
    alg: z.enum(ALGORITHMS, { error: `expected "alg", one of ${ALGORITHMS.join(', ')}` }),
  })
  .refine((jwk) => !('d' in jwk) && !('k' in jwk), { error: 'expected the public half alone: keep the private one' })
  .refine((jwk) => JSON.stringify(jwk).length <= 4000, { error: 'expected one key' });

const createSchema = z.object({
  owner: z.string().max(200),
  name: z.string().trim().min(1, 'a credential needs a name').max(100),
  expiresAt: z.coerce.date().nullish(),
  scopes: scopesSchema.nullish(),
  /** Makes it a key; without it, a secret is made. */
  publicJwk: jwkSchema.nullish(),
});

export const ACCESS_TOKEN_SECONDS = 3600;
const SHOWN_CHARACTERS = TOKEN_PREFIXES.client.length + 4;
const MAX_CREDENTIALS = 20;
/** A client that asks for one with each request, and never keeps one, is told. */
const TOKENS_PER_MINUTE = 60;
/** A signed statement is made for one request; clocks may differ. */
const ASSERTION_MAX_SECONDS = 600;

/** How a client proves itself. */
export type ClientProof =
  | { kind: 'secret'; clientId: string; secret: string }
  | { kind: 'assertion'; clientId: string | null; assertion: string; audiences: readonly string[] };

interface Client {
  user: User;
  credential: ClientCredential;
}

export class ClientCredentialService {
  readonly #parts: ClientCredentialServiceParts;
  readonly #db: Db;
  readonly #issued: RateLimit;

  constructor(parts: ClientCredentialServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
    this.#issued = new RateLimit({ max: TOKENS_PER_MINUTE, windowSeconds: 60, clock: parts.clock });
  }

  async list(actor: Actor, owner: string): Promise<ClientCredential[]> {
    const { id } = await this.#parts.serviceAccount(actor, owner);
    return reading(() => clientCredentialStore.list(this.#db, id, this.#now()));
  }

  /** `secret` is never to be had again; null for a key. */
  async create(
    actor: Actor,
    input: z.input<typeof createSchema>,
  ): Promise<{ secret: string | null; credential: ClientCredential }> {
    const { owner, name, expiresAt = null, publicJwk = null, ...wish } = parseInput(createSchema, input);
    const { id: userId } = await this.#parts.serviceAccount(actor, owner);
    const scopes = withinOwn(actor, wish.scopes ?? null);
    if (publicJwk) await this.#checkKey(publicJwk);
    const secret = publicJwk ? null : newToken('client');
    const proof = secret
      ? { kind: 'secret', prefix: secret.slice(0, SHOWN_CHARACTERS), secretHash: hashSecret(secret) }
      : { kind: 'key', prefix: '', secretHash: null };
    const credential = await inTransaction(this.#db, async (tx) => {
      await userStore.lock(tx, userId);
      if ((await clientCredentialStore.list(tx, userId, this.#now())).length >= MAX_CREDENTIALS) {
        const message = `a client has at most ${MAX_CREDENTIALS} credentials: revoke one that is no longer used`;
        throw new AppError({ code: 'QUOTA_EXCEEDED', message });
      }
      return clientCredentialStore.insert(tx, { userId, name, expiresAt, scopes, publicJwk, ...proof });
    });
    return { secret, credential };
  }

  /** Ends the tokens too that were given for it. */
  async revoke(actor: Actor, id: string): Promise<ClientCredential> {
    const row = await reading(() => clientCredentialStore.find(this.#db, id));
    if (!row) throw notFound('client credential');
    const { id: userId } = await this.#parts.serviceAccount(actor, row.userId);
    await inTransaction(this.#db, async (tx) => {
      await clientCredentialStore.revoke(tx, id, this.#now());
      await apiTokenStore.revokeOfClient(tx, id, this.#now());
      await this.#parts.onEnded(tx, userId);
    });
    return row;
  }

  /** Throws UNAUTHENTICATED for a client that is unknown or proves nothing, FORBIDDEN for a scope it may not have. */
  async issue(
    proof: ClientProof,
    wish: { scope: string | null; address: string },
  ): Promise<{ token: string; scopes: ScopeWord[] | null }> {
    const { user, credential } = await this.authenticate(proof, wish.address);
    this.#issued.check(user.id);
    this.#issued.count(user.id);
    const most = credential.scopes as ScopeWord[] | null;
    const words = wish.scope?.split(' ').filter((word) => word !== '') ?? [];
    const scopes = words.length > 0 ? parseInput(scopesSchema, words) : most;
    if (!isWithin(scopesOf(most), scopesOf(scopes))) {
      throw new AppError({ code: 'FORBIDDEN', message: `this client may ask for: ${most?.join(' ')}` });
    }
    const token = newToken('access');
    const now = this.#now();
    const endMs = now.getTime() + ACCESS_TOKEN_SECONDS * 1000;
    const expiresAt = new Date(Math.min(endMs, credential.expiresAt?.getTime() ?? endMs));
    const userId = user.id as UserId;
    const row = {
      userId,
      name: credential.name,
      prefix: token.slice(0, SHOWN_CHARACTERS),
      secretHash: hashSecret(token),
      expiresAt,
    };
    await inTransaction(this.#db, (tx) =>
      apiTokenStore.insert(tx, { ...row, scopes, clientCredentialId: credential.id }),
    );
    await this.#parts.audit.entered({
      action: 'issueAccessToken',
      actor: ANONYMOUS,
      as: { userId, login: user.login },
      from: { address: wish.address || null, requestId: null },
      thingId: credential.id,
      thingName: credential.name,
      args: { scopes },
    });
    return { token, scopes };
  }

  /** Ends a token of this client; one that is not its own, or is none, is left alone without a word (RFC 7009 §2.2). */
  async end(proof: ClientProof, token: string, address: string): Promise<void> {
    const { user } = await this.authenticate(proof, address);
    const row = await reading(() => apiTokenStore.findBySecret(this.#db, hashSecret(token)));
    if (!row || row.revokedAt || row.userId !== user.id || row.clientCredentialId === null) return;
    await inTransaction(this.#db, async (tx) => {
      await apiTokenStore.revoke(tx, row.id, this.#now());
      await this.#parts.onEnded(tx, user.id as UserId);
    });
  }

  async authenticate(proof: ClientProof, address: string): Promise<Client> {
    const clientId = proof.clientId ?? subjectOf(proof);
    const attempt = this.#parts.attempts.begin(address, `client ${clientId}`);
    const user = await reading(() => clientCredentialStore.client(this.#db, clientId, this.#now()));
    const credential =
      user && (proof.kind === 'secret' ? bySecret(user, proof.secret) : await this.#byKey(user, proof));
    if (!user || !credential) {
      attempt.failed();
      const from = { address: address || null, requestId: null };
      const thing = user ? { thingId: user.id, thingName: user.login } : {};
      if (user) {
        await this.#parts.audit.refused({
          action: 'issueAccessToken',
          actor: ANONYMOUS,
          from,
          ...thing,
          outcome: 'UNAUTHENTICATED',
        });
      }
      throw new AppError({ code: 'UNAUTHENTICATED', message: 'the client is unknown, or its proof is not right' });
    }
    await reading(() => clientCredentialStore.setUsed(this.#db, credential.id, this.#now(), address || null));
    return { user, credential };
  }

  /** Forgets statements and tokens that are over for a day. */
  async sweep(): Promise<void> {
    const before = new Date(this.#parts.clock.now() - 86_400_000);
    await reading(() => clientCredentialStore.sweep(this.#db, before));
    await reading(() => apiTokenStore.sweepOfClients(this.#db, before));
  }

  async #byKey(
    user: Client['user'] & { clientCredentials: ClientCredential[] },
    proof: ClientProof,
  ): Promise<ClientCredential | null> {
    if (proof.kind !== 'assertion') return null;
    for (const credential of user.clientCredentials) {
      const jwk = jwkSchema.safeParse(credential.publicJwk).data;
      if (!jwk) continue;
      const claims = await this.#verified(jwk, proof, [user.id, user.login]);
      if (!claims) continue;
      const id = hashSecret(`${credential.id} ${claims.jti}`);
      if (await reading(() => clientCredentialStore.useAssertion(this.#db, id, claims.expiresAt))) return credential;
    }
    return null;
  }

  async #verified(
    jwk: z.output<typeof jwkSchema>,
    { assertion, audiences }: Extract<ClientProof, { kind: 'assertion' }>,
    names: readonly string[],
  ): Promise<{ jti: string; expiresAt: Date } | null> {
    try {
      const now = this.#now();
      const { payload } = await jwtVerify(assertion, await importJWK(jwk as JWK, jwk.alg), {
        algorithms: [jwk.alg],
        audience: [...audiences],
        issuer: [...names],
        currentDate: now,
        clockTolerance: 30,
        requiredClaims: ['exp', 'jti', 'sub'],
      });
      const { exp = 0, jti = '', sub, iss } = payload;
      const isRight = sub === iss && jti !== '' && exp - now.getTime() / 1000 <= ASSERTION_MAX_SECONDS;
      return isRight ? { jti, expiresAt: new Date((exp + 60) * 1000) } : null;
    } catch {
      return null;
    }
  }

  async #checkKey(jwk: z.output<typeof jwkSchema>): Promise<void> {
    try {
      await importJWK(jwk as JWK, jwk.alg);
    } catch (cause) {
      throw new AppError({ code: 'INVALID_INPUT', message: 'publicJwk: expected a public key (RFC 7517)', cause });
    }
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

export interface ClientCredentialServiceParts {
  db: Db;
  clock: Clock;
  audit: AuditService;
  attempts: SignInAttempts;
  /** Throws unless the actor may change it. */
  serviceAccount: (actor: Actor, id: string) => Promise<{ id: UserId }>;
  /** Tells the account's workers, in the transaction that ends a token. */
  onEnded: (tx: Tx, userId: UserId) => Promise<void>;
}

function bySecret(
  { clientCredentials }: { clientCredentials: ClientCredential[] },
  secret: string,
): ClientCredential | null {
  const hash = hashSecret(secret);
  return clientCredentials.find(({ secretHash }) => secretHash === hash) ?? null;
}

/** Who the statement says that it is of; believed only once the signature is checked. */
function subjectOf(proof: ClientProof): string {
  if (proof.kind !== 'assertion') return proof.clientId;
  try {
    const claims: unknown = JSON.parse(Buffer.from(proof.assertion.split('.')[1] ?? '', 'base64url').toString());
    return z.object({ sub: z.string().max(200) }).parse(claims).sub;
  } catch {
    return '';
  }
}
