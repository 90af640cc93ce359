/**
 * Finds out who asks: a token in `Authorization` (or in a socket's `connection_init`), else the session of the cookie. A
 * token that is not good is an error and never falls back to the cookie.
 */
import type { IncomingMessage } from 'node:http';
import type { UserId } from '@easel/schema/ids';
import { type Actor, ANONYMOUS, unauthenticated } from './actor.ts';
import type { AuditService } from './audit/audit.service.ts';
import { type Db, reading } from './db.ts';
import { addressOf } from './http/device.ts';
import type { PlatformService } from './platform/platform.service.ts';
import { type Grant, grantsSql } from './rights/grants.ts';
import { type Rights, rightsKey, rightsOf } from './rights/rights.ts';
import { type Scope, scopesKey, scopesOf, withinScopes } from './rights/scopes.ts';
import { lacksFactorSql } from './second-factor/lacks-factor.ts';
import { TOKEN_PREFIXES } from './secrets.ts';
import type { ApiTokenService } from './user/api-token.service.ts';
import type { SessionService } from './user/session.service.ts';
import { sessionCookieOf } from './user/session-cookie.ts';

/** Refused tokens that are looked up at once; a flood of them must not keep the database from others. */
const MAX_TELLING = 4;

export class Authentication {
  readonly #parts: AuthenticationParts;
  #telling = 0;

  constructor(parts: AuthenticationParts) {
    this.#parts = parts;
  }

  /** Throws UNAUTHENTICATED for a token that is not good. No token and no session is nobody. */
  async ofRequest(request: IncomingMessage): Promise<Actor> {
    const { authorization } = request.headers;
    if (authorization === undefined) return this.#ofCookie(request);
    const token = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(authorization)?.[1];
    if (token === undefined) throw unauthenticated();
    return this.ofToken(token, addressOf(request));
  }

  /** The same for a socket, whose token comes in its first message. */
  async ofSocket(connectionParams: Record<string, unknown>, request: IncomingMessage): Promise<Actor> {
    const { token } = connectionParams;
    return typeof token === 'string' ? this.ofToken(token, addressOf(request)) : this.ofRequest(request);
  }

  async ofToken(token: string, address: string | null = null): Promise<Actor> {
    const { platforms, apiTokens } = this.#parts;
    const actor = token.startsWith(TOKEN_PREFIXES.platform)
      ? await platforms.authenticate(token)
      : await apiTokens.authenticate(token, address);
    if (actor) return actor;
    // Not waited for: an answer takes as long for a token that was known as for one that never was.
    void this.#tellRefused(token, address);
    throw unauthenticated();
  }

  /** Leaves an entry for a token that has ended, or looks like one that is there. What nobody knows says nothing. */
  async #tellRefused(token: string, address: string | null): Promise<void> {
    if (this.#telling >= MAX_TELLING) return;
    this.#telling += 1;
    try {
      const known = await this.#parts.apiTokens.known(token);
      if (!known) return;
      const { id: thingId, name: thingName, why } = known;
      const from = { address, requestId: null };
      const act = { action: 'useApiToken', actor: ANONYMOUS, from, thingId, thingName, args: { why } };
      await this.#parts.audit.refused({ ...act, outcome: 'UNAUTHENTICATED' });
    } catch {
      // The database is away: whoever asks is refused all the same.
    } finally {
      this.#telling -= 1;
    }
  }

  async #ofCookie(request: IncomingMessage): Promise<Actor> {
    const { sessions, isSecure } = this.#parts;
    const secret = sessionCookieOf(request, { isSecure });
    if (secret === null) return ANONYMOUS;
    return (await sessions.authenticate(secret, addressOf(request) || null)) ?? ANONYMOUS;
  }

  /**
   * Of these credentials, the ones that are still good, each with the scope key that it has now. One query, whatever their
   * number: it is asked every second or two for everybody who has a socket open.
   */
  async stillGood(credentialIds: readonly string[]): Promise<Map<string, string>> {
    const rows = await reading(() => this.#parts.db.$queryRawUnsafe<StillGood[]>(STILL_GOOD_SQL, [...credentialIds]));
    return new Map(
      rows.map((row) => [
        row.id,
        row.user === null
          ? platformScope(row.id.split('.', 1)[0] ?? '')
          : userScope(row.user.id, rightsOf(row.user.grants), scopesOf(row.scopes)),
      ]),
    );
  }
}

interface StillGood {
  id: string;
  /** Null for a platform. */
  user: { id: UserId; grants: Grant[] } | null;
  /** Of a token. */
  scopes: unknown;
}

interface AuthenticationParts {
  audit: AuditService;
  db: Db;
  platforms: PlatformService;
  apiTokens: ApiTokenService;
  sessions: SessionService;
  /** People reach us by https. */
  isSecure: boolean;
}

const STILL_GOOD_SQL = `
  WITH u AS NOT MATERIALIZED (
    SELECT id AS user_id, jsonb_build_object('id', id, 'grants', ${grantsSql('users.id')}) AS rights
    FROM users WHERE disabled_at IS NULL)
  SELECT s.id, u.rights AS user, NULL::jsonb AS scopes FROM sessions s JOIN u USING (user_id)
  WHERE s.id = ANY($1::text[]) AND s.revoked_at IS NULL AND s.expires_at > now()
    AND NOT (coalesce(s.method, 'password') = 'password' AND ${lacksFactorSql('s.user_id')})
  UNION ALL
  SELECT t.id, u.rights, t.scopes FROM api_tokens t JOIN u USING (user_id)
  WHERE t.id = ANY($1::text[]) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
  UNION ALL
  SELECT p.id || '.' || left(p.token_hash, 16), NULL, NULL FROM platforms p
  WHERE p.id || '.' || left(p.token_hash, 16) = ANY($1::text[]) AND p.removed_at IS NULL`;

/** The id to ask `stillGood` with. */
export function credentialOf(actor: Exclude<Actor, { kind: 'anonymous' }>): string {
  return actor.kind === 'user' ? actor.credential.id : actor.credentialId;
}

/** Everything that may change what this actor sees: who has the same key gets the same bytes. */
export function scopeKeyOf(actor: Exclude<Actor, { kind: 'anonymous' }>): string {
  return actor.kind === 'user' ? userScope(actor.userId, actor.rights, actor.scopes) : platformScope(actor.platformId);
}

/** Rights that were narrowed already stay as they are. */
function userScope(userId: UserId, rights: Rights, scopes: ReadonlySet<Scope> | null = null): string {
  return `user ${userId} ${rightsKey(withinScopes(rights, scopes))} ${scopesKey(scopes)}`;
}

function platformScope(platformId: string): string {
  return `platform ${platformId}`;
}
