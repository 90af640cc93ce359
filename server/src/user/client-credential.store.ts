/** The only file that touches the tables `client_credentials` and `used_assertions`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import { type ClientCredential, Prisma, type User } from '../generated/prisma/client.ts';

type NewCredential = Pick<ClientCredential, 'name' | 'kind' | 'prefix' | 'secretHash' | 'expiresAt'> & {
  userId: UserId;
  publicJwk: object | null;
  scopes: readonly string[] | null;
};

const isGood = (now: Date) => ({ revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] });

export const clientCredentialStore = {
  insert(tx: Tx, { publicJwk, scopes, ...plain }: NewCredential): Promise<ClientCredential> {
    const json = (value: object | null) => (value === null ? Prisma.DbNull : (value as Prisma.InputJsonValue));
    const data = {
      id: newId('clientCredential'),
      ...plain,
      publicJwk: json(publicJwk),
      scopes: json(scopes && [...scopes]),
    };
    return tx.clientCredential.create({ data });
  },

  list(db: Reader, userId: UserId, now: Date): Promise<ClientCredential[]> {
    return db.clientCredential.findMany({ where: { userId, ...isGood(now) }, orderBy: { createdAt: 'desc' } });
  },

  find(db: Reader, id: string): Promise<ClientCredential | null> {
    return db.clientCredential.findFirst({ where: { id, revokedAt: null } });
  },

  /** The account by id or login, with what is good of its credentials; null for one that is disabled, or a person's. */
  client(db: Reader, client: string, now: Date): Promise<(User & { clientCredentials: ClientCredential[] }) | null> {
    return db.user.findFirst({
      where: { OR: [{ id: client }, { login: client }], kind: 'service', disabledAt: null },
      include: { clientCredentials: { where: isGood(now) } },
    });
  },

  async setUsed(db: Reader, id: string, now: Date, address: string | null): Promise<void> {
    await db.clientCredential.updateMany({ where: { id }, data: { lastUsedAt: now, lastUsedAddress: address } });
  },

  async revoke(tx: Tx, id: string, now: Date): Promise<void> {
    await tx.clientCredential.update({ where: { id }, data: { revokedAt: now } });
  },

  /** False when it was used before. */
  async useAssertion(db: Reader, id: string, expiresAt: Date): Promise<boolean> {
    return (await db.usedAssertion.createMany({ data: { id, expiresAt }, skipDuplicates: true })).count === 1;
  },

  async sweep(db: Reader, before: Date): Promise<void> {
    await db.usedAssertion.deleteMany({ where: { expiresAt: { lt: before } } });
  },
};
