/** The only file that touches the tables `audit_entries` and `audit_heads`. */
import { GENESIS } from '@easel/schema/audit-chain';
import { newId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { AuditEntry, AuditHead, Prisma } from '../generated/prisma/client.ts';
import { type AuditFilter, where } from './filter.ts';

export type NewAuditEntry = Omit<AuditEntry, 'id' | 'number' | 'hash' | 'sealedAt' | 'details'> & {
  details: Record<string, unknown>;
};

/** What is known of an act only when it is over. */
export interface EndedAct {
  outcome: string;
  thingId?: string;
  thingName?: string;
  details?: Record<string, unknown>;
}

type Page = Pick<Prisma.AuditEntryFindManyArgs, 'cursor' | 'take' | 'skip'>;

export const auditStore = {
  async insert(db: Reader, entry: NewAuditEntry): Promise<string> {
    const { details, ...plain } = entry;
    const id = newId('auditEntry', entry.at.getTime());
    await db.auditEntry.create({ data: { id, ...plain, details: details as Prisma.InputJsonObject } });
    return id;
  },

  /** Nothing is written to an entry that is sealed. */
  async end(db: Reader, id: string, ended: EndedAct): Promise<void> {
    const { details, ...plain } = ended;
    const data = { ...plain, ...(details ? { details: details as Prisma.InputJsonObject } : {}) };
    await db.auditEntry.updateMany({ where: { id, number: null }, data });
  },

  /** The newest first; `query` is the page that is asked for. */
  page(db: Reader, query: Page, filter: AuditFilter): Promise<AuditEntry[]> {
    return db.auditEntry.findMany({ ...query, where: where(filter), orderBy: [{ at: 'desc' }, { id: 'desc' }] });
  },

  /** Users with how many of their acts ended so in that time; the most first. */
  async countByActor(
    db: Reader,
    { outcome, from, until }: { outcome: string; from: Date; until: Date },
  ): Promise<{ login: string; count: number }[]> {
    const groups = await db.auditEntry.groupBy({
      by: ['actorLogin'],
      where: { outcome, at: { gte: from, lt: until }, actorLogin: { not: null } },
      _count: { _all: true },
      orderBy: [{ _count: { actorLogin: 'desc' } }, { actorLogin: 'asc' }],
    });
    return groups.map(({ actorLogin, _count }) => ({ login: actorLogin ?? '', count: _count._all }));
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

  /** The number of the oldest sealed row that is here; null when there is none. */
  async oldestNumber(db: Reader): Promise<bigint | null> {
    return (await db.auditEntry.aggregate({ _min: { number: true } }))._min.number;
  },

  /** Sealed ones after `after` and up to `upTo` that fit, in the order of the chain, each with the hash before it. */
  async fitting(
    db: Reader,
    { after, upTo, filter, limit }: { after: bigint; upTo: bigint; filter: AuditFilter; limit: number },
  ): Promise<(AuditEntry & { previousHash: string })[]> {
    const rows = await db.auditEntry.findMany({
      where: { ...where(filter), number: { gt: after, lte: upTo } },
      orderBy: { number: 'asc' },
      take: limit,
    });
    const before = rows.map(({ number }) => (number ?? 0n) - 1n);
    const neighbours = await db.auditEntry.findMany({
      where: { number: { in: before } },
      select: { number: true, hash: true },
    });
    const hashes = new Map(neighbours.map(({ number, hash }) => [number, hash]));
    return rows.map((row) => ({ ...row, previousHash: hashes.get((row.number ?? 0n) - 1n) ?? GENESIS }));
  },

  /**
   * Forgets what lies in the object store and is older, but for the last of it: the next object begins with its hash. What
   * is left has no gap: an act that took long is sealed, so numbered, after newer ones.
   */
  async prune(db: Reader, before: Date): Promise<number> {
    const { exportedNumber } = await auditStore.head(db);
    const kept = await db.auditEntry.aggregate({ _min: { number: true }, where: { at: { gte: before } } });
    const first = kept._min.number ?? exportedNumber;
    const number = { lt: first < exportedNumber ? first : exportedNumber };
    return (await db.auditEntry.deleteMany({ where: { number } })).count;
  },
};
