/** The only file that touches the table `api_tokens`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { ApiToken, User } from '../generated/prisma/client.ts';

const isGood = (now: Date) => ({
  revokedAt: null,
  OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
  user: { disabledAt: null },
});

export const apiTokenStore = {
  async insert(
    tx: Tx,
    token: { userId: UserId; name: string; prefix: string; secretHash: string; expiresAt: Date | null },
  ): Promise<ApiToken> {
    return tx.apiToken.create({ data: { id: newId('apiToken'), ...token } });
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
      where: { userId, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
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

  async setUsed(db: Reader, id: string, now: Date): Promise<void> {
    await db.apiToken.updateMany({ where: { id }, data: { lastUsedAt: now } });
  },
};
