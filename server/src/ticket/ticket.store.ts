/** The only file that touches the table `signing_keys`. */
import type { JWK } from 'jose';
import type { Reader, Tx } from '../db.ts';
import type { Prisma, SigningKey } from '../generated/prisma/client.ts';

export type SigningKeyRow = Omit<SigningKey, 'publicJwk'> & { publicJwk: JWK };

/** Any number; it serialises the replicas that look whether a new key is due. */
const ROTATION_LOCK = 4_711_001;

export const ticketStore = {
  async lock(tx: Tx): Promise<void> {
    await tx.$executeRawUnsafe('SELECT pg_advisory_xact_lock($1)', ROTATION_LOCK);
  },

  /** Oldest first; those that were retired before `since` are left out. */
  async list(db: Reader, since: Date): Promise<SigningKeyRow[]> {
    return (await db.signingKey.findMany({
      where: { OR: [{ retiredAt: null }, { retiredAt: { gt: since } }] },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    })) as SigningKeyRow[];
  },

  async insert(tx: Tx, key: { id: string; publicJwk: JWK; privateJwk: string; createdAt: Date }): Promise<void> {
    await tx.signingKey.create({ data: { ...key, publicJwk: key.publicJwk as Prisma.InputJsonObject } });
  },

  async retire(tx: Tx, ids: readonly string[], now: Date): Promise<void> {
    await tx.signingKey.updateMany({ where: { id: { in: [...ids] }, retiredAt: null }, data: { retiredAt: now } });
  },
};
