/** The only file that touches the tables `signing_keys` (of tickets) and `ssh_authorities`, which have the same columns. */
import type { JWK } from 'jose';
import type { Reader, Tx } from '../db.ts';
import type { Prisma, SigningKey } from '../generated/prisma/client.ts';

export type KeyTable = 'signing_keys' | 'ssh_authorities';
export type SigningKeyRow = Omit<SigningKey, 'publicJwk'> & { publicJwk: JWK };

/** Any numbers; they serialise the replicas that look whether a new key is due. */
const ROTATION_LOCKS: Record<KeyTable, number> = { signing_keys: 4_711_001, ssh_authorities: 4_711_002 };

function rowsOf(db: Reader | Tx, table: KeyTable) {
  return table === 'signing_keys' ? db.signingKey : (db.sshAuthority as unknown as Tx['signingKey']);
}

export const keyRingStore = {
  async lock(tx: Tx, table: KeyTable): Promise<void> {
    await tx.$executeRawUnsafe('SELECT pg_advisory_xact_lock($1)', ROTATION_LOCKS[table]);
  },

  /** Oldest first; those that were retired before `since` are left out. */
  async list(db: Reader, table: KeyTable, since: Date): Promise<SigningKeyRow[]> {
    return (await rowsOf(db, table).findMany({
      where: { OR: [{ retiredAt: null }, { retiredAt: { gt: since } }] },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    })) as SigningKeyRow[];
  },

  async insert(
    tx: Tx,
    table: KeyTable,
    key: { id: string; publicJwk: JWK; privateJwk: string; createdAt: Date },
  ): Promise<void> {
    await rowsOf(tx, table).create({ data: { ...key, publicJwk: key.publicJwk as Prisma.InputJsonObject } });
  },

  async retire(tx: Tx, table: KeyTable, ids: readonly string[], now: Date): Promise<void> {
    await rowsOf(tx, table).updateMany({ where: { id: { in: [...ids] }, retiredAt: null }, data: { retiredAt: now } });
  },
};
