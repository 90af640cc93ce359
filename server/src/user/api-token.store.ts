/** The only file that touches the table `api_tokens`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import { type ApiToken, Prisma, type User } from '../generated/prisma/client.ts';

const isGood = (now: Date) => ({
  revokedAt: null,
  OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
  user: { disabledAt: null },
});

export const apiTokenStore = {
  async insert(
    tx: Tx,
    token: Pick<ApiToken, 'name' | 'prefix' | 'secretHash' | 'expiresAt'> & {
      userId: UserId;
      scopes: readonly string[] | null;
      rotatedFromId?: string;
      clientCredentialId?: string;
    },
  ): Promise<ApiToken> {
    const { scopes, ...plain } = token;
    return tx.apiToken.create({ data: { id: newId('apiToken'), ...plain, ...scopesColumn(scopes) } });
  },

  /** Makes the token with this secret, or leaves the one that has it already. */
  async ensure(tx: Tx, token: { userId: UserId; name: string; prefix: string; secretHash: string }): Promise<void> {
    await tx.apiToken.upsert({
      where: { secretHash: token.secretHash },
      create: { id: newId('apiToken'), ...token },
      update: { revokedAt: null },
    });
  },

  findValid(db: Reader, secretHash: string, now: Date): Promise<(ApiToken & { user: User }) | null> {
    return db.apiToken.findFirst({ where: { secretHash, ...isGood(now) }, include: { user: true } });
  },

  findValidById(db: Reader, id: string, now: Date): Promise<(ApiToken & { user: User }) | null> {
    return db.apiToken.findFirst({ where: { id, ...isGood(now) }, include: { user: true } });
  },

  /** Also one that has ended. */
  findBySecret(db: Reader, secretHash: string): Promise<(ApiToken & { user: User }) | null> {
    return db.apiToken.findUnique({ where: { secretHash }, include: { user: true } });
  },

  /** The one that begins so; null when there are several, too. */
  async findByPrefix(db: Reader, prefix: string): Promise<ApiToken | null> {
    const [one, other] = await db.apiToken.findMany({ where: { prefix }, take: 2 });
    return other ? null : (one ?? null);
  },

  list(db: Reader, userId: UserId, now: Date): Promise<ApiToken[]> {
    return db.apiToken.findMany({
      // Those of clients come and go by themselves.
      where: {
        userId,
        clientCredentialId: null,
        revokedAt: null,
        OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
      },
      orderBy: { createdAt: 'desc' },
    });
  },

  /** Those that end within this time, the soonest first. */
  async expiring(db: Reader, from: Date, until: Date): Promise<(ApiToken & { expiresAt: Date; user: User })[]> {
    const where = { revokedAt: null, expiresAt: { gt: from, lte: until } };
    const rows = await db.apiToken.findMany({
      where,
      include: { user: true },
      orderBy: { expiresAt: 'asc' },
      take: 1000,
    });
    return rows as (ApiToken & { expiresAt: Date; user: User })[];
  },

  find(db: Reader, id: string): Promise<ApiToken | null> {
    return db.apiToken.findFirst({ where: { id, revokedAt: null } });
  },

  async revoke(tx: Tx, id: string, now: Date): Promise<void> {
    await tx.apiToken.update({ where: { id }, data: { revokedAt: now } });
  },

  async revokeOfClient(tx: Tx, clientCredentialId: string, now: Date): Promise<void> {
    await tx.apiToken.updateMany({ where: { clientCredentialId, revokedAt: null }, data: { revokedAt: now } });
  },

  async sweepOfClients(db: Reader, before: Date): Promise<void> {
    await db.apiToken.deleteMany({ where: { clientCredentialId: { not: null }, expiresAt: { lt: before } } });
  },

  /** Ends sooner than it would; false when it has ended already. */
  async endAt(tx: Tx, id: string, expiresAt: Date): Promise<boolean> {
    const isLonger = { OR: [{ expiresAt: null }, { expiresAt: { gt: expiresAt } }] };
    await tx.apiToken.updateMany({ where: { id, ...isLonger }, data: { expiresAt } });
    return (await tx.apiToken.count({ where: { id, revokedAt: null, rotatedTo: null } })) === 1;
  },

  setScopes(tx: Tx, id: string, scopes: readonly string[] | null): Promise<ApiToken> {
    return tx.apiToken.update({ where: { id }, data: scopesColumn(scopes) });
  },

  /** Writes the use. True when the address was not among the last `keep` ones. */
  async setUsed(db: Reader, id: string, use: { now: Date; address: string | null; keep: number }): Promise<boolean> {
    const { now, address, keep } = use;
    if (address !== null) {
      const count = await db.$executeRawUnsafe(
        `UPDATE api_tokens SET last_used_at = $2, last_used_address = $3, known_addresses =
           (CASE WHEN jsonb_array_length(known_addresses) >= $4 THEN known_addresses - 0 ELSE known_addresses END)
             || to_jsonb($3::text)
         WHERE id = $1 AND NOT jsonb_exists(known_addresses, $3)`,
        ...[id, now, address, keep],
      );
      if (count > 0) return true;
    }
    const data = { lastUsedAt: now, ...(address === null ? {} : { lastUsedAddress: address }) };
    await db.apiToken.updateMany({ where: { id }, data });
    return false;
  },

  /** Users a token of whom has run out since. */
  async ownersOfEnded(db: Reader, since: Date): Promise<UserId[]> {
    const rows = await db.$queryRawUnsafe<{ user_id: UserId }[]>(
      'SELECT DISTINCT user_id FROM api_tokens WHERE revoked_at IS NULL AND expires_at BETWEEN $1 AND now()',
      since,
    );
    return rows.map(({ user_id }) => user_id);
  },
};

/** A column of JSON has two nulls; kept is the one of the database. */
function scopesColumn(scopes: readonly string[] | null): { scopes: Prisma.InputJsonValue | typeof Prisma.DbNull } {
  return { scopes: scopes === null ? Prisma.DbNull : [...scopes] };
}
