/** The only file that touches the tables `audit_entries` and `audit_heads`. */
import { newId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { AuditEntry, AuditHead, Prisma } from '../generated/prisma/client.ts';
import { GENESIS } from './chain.ts';

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'number' | 'hash' | 'sealedAt' | 'details'> & {
  details: Record<string, unknown>;
};

/** What a search of the log may name. */
export interface AuditFilter {
  actor: string | null;
  action: string | null;
  thing: string | null;
  outcome: string | null;
  from: Date | null;
  to: Date | null;
}

type Page = Pick<Prisma.AuditEntryFindManyArgs, 'cursor' | 'take' | 'skip'>;

function where({ actor, action, thing, outcome, from, to }: AuditFilter): Prisma.AuditEntryWhereInput {
  return {
    ...(actor ? { OR: [{ actorId: actor }, { actorLogin: actor }] } : {}),
    ...(action ? { action } : {}),
    ...(thing ? { AND: [{ OR: [{ thingId: thing }, { thingName: thing }] }] } : {}),
    ...(outcome === 'refused' ? { outcome: { notIn: ['done', 'begun'] } } : outcome ? { outcome } : {}),
    ...(from || to ? { at: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) } } : {}),
  };
}

export const auditStore = {
  async insert(db: Reader, entry: NewAuditEntry): Promise<string> {
    const { details, ...plain } = entry;
    const id = newId('auditEntry', entry.at.getTime());
    await db.auditEntry.create({ data: { id, ...plain, details: details as Prisma.InputJsonObject } });
    return id;
  },

  /** Nothing is written to an entry that is sealed. */
  async end(db: Reader, id: string, ended: { outcome: string; thingId?: string; thingName?: string }): Promise<void> {
    await db.auditEntry.updateMany({ where: { id, number: null }, data: ended });
  },

  /** The newest first; `query` is the page that is asked for. */
  page(db: Reader, query: Page, filter: AuditFilter): Promise<AuditEntry[]> {
    return db.auditEntry.findMany({ ...query, where: where(filter), orderBy: [{ at: 'desc' }, { id: 'desc' }] });
  },

  /** The end of the chain, held until the end of the transaction: one seals at a time. */
  async lockHead(tx: Tx): Promise<AuditHead> {
    await tx.auditHead.createMany({ data: { id: 1, hash: GENESIS }, skipDuplicates: true });
    await tx.$executeRawUnsafe('SELECT FROM audit_heads WHERE id = 1 FOR UPDATE');
    return tx.auditHead.findUniqueOrThrow({ where: { id: 1 } });
  },

  async head(db: Reader): Promise<AuditHead> {
    return (
      (await db.auditHead.findUnique({ where: { id: 1 } })) ?? { id: 1, number: 0n, hash: GENESIS, exportedNumber: 0n }
    );
  },

  /** What can be sealed: over, or begun before `abandonedAt` by a server that is gone. The oldest first. */
  unsealed(tx: Tx, abandonedAt: Date, limit: number): Promise<AuditEntry[]> {
    return tx.auditEntry.findMany({
      where: { number: null, OR: [{ outcome: { not: 'begun' } }, { at: { lt: abandonedAt } }] },
      orderBy: [{ at: 'asc' }, { id: 'asc' }],
      take: limit,
    });
  },

  async seal(tx: Tx, rows: readonly { id: string; number: bigint; hash: string }[], sealedAt: Date): Promise<void> {
    await tx.$executeRawUnsafe(
      `UPDATE audit_entries a SET number = s.number, hash = s.hash, sealed_at = $4
       FROM unnest($1::text[], $2::bigint[], $3::text[]) AS s (id, number, hash) WHERE a.id = s.id`,
      rows.map(({ id }) => id),
      rows.map(({ number }) => number),
      rows.map(({ hash }) => hash),
      sealedAt,
    );
  },

  async setHead(tx: Tx, head: { number: bigint; hash: string }): Promise<void> {
    await tx.auditHead.update({ where: { id: 1 }, data: head });
  },

  async setExported(db: Reader, exportedNumber: bigint): Promise<void> {
    await db.auditHead.update({ where: { id: 1 }, data: { exportedNumber } });
  },

  /** Sealed ones after this number and before this moment, in the order of the chain. */
  sealedAfter(db: Reader, number: bigint, options: { before?: Date; limit: number }): Promise<AuditEntry[]> {
    const { before, limit } = options;
    return db.auditEntry.findMany({
      where: { number: { gt: number }, ...(before ? { sealedAt: { lt: before } } : {}) },
      orderBy: { number: 'asc' },
      take: limit,
    });
  },

  /** Forgets what lies in the object store and is older, but for the last of it: the next object begins with its hash. */
  async prune(db: Reader, before: Date): Promise<number> {
    const { exportedNumber } = await auditStore.head(db);
    const old = { number: { lt: exportedNumber }, at: { lt: before } };
    return (await db.auditEntry.deleteMany({ where: old })).count;
  },
};
