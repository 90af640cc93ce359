/** The only file that touches the tables `namespaces` and `members`. */
import { type NamespaceId, newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Namespace } from '../generated/prisma/client.ts';
import type { NamespaceRole } from '../rights/roles.ts';

export type NamespaceRow = Omit<Namespace, 'id'> & { id: NamespaceId };

export const namespaceStore = {
  /** Safe for several at once: an upsert asks first and inserts then, and the second of two would fail. */
  async ensure(tx: Tx, name: string): Promise<NamespaceId> {
    await tx.namespace.createMany({ data: { id: newId('namespace'), name }, skipDuplicates: true });
    const row = await tx.namespace.findUniqueOrThrow({ where: { name } });
    return row.id as NamespaceId;
  },

  /** By name. */
  async list(db: Reader): Promise<NamespaceRow[]> {
    return (await db.namespace.findMany({ where: { deletedAt: null }, orderBy: { name: 'asc' } })) as NamespaceRow[];
  },

  some(db: Reader, ids: readonly string[]): Promise<Namespace[]> {
    return db.namespace.findMany({ where: { id: { in: [...ids] } } });
  },

  async has(db: Reader, id: string): Promise<boolean> {
    return (await db.namespace.count({ where: { id, deletedAt: null } })) > 0;
  },

  count(db: Reader): Promise<number> {
    return db.namespace.count({ where: { deletedAt: null } });
  },

  async insert(tx: Tx, name: string): Promise<NamespaceRow> {
    return (await tx.namespace.create({ data: { id: newId('namespace'), name } })) as NamespaceRow;
  },

  async rename(tx: Tx, id: NamespaceId, name: string): Promise<NamespaceRow> {
    return (await tx.namespace.update({ where: { id }, data: { name } })) as NamespaceRow;
  },

  /** Nothing is put into it until the transaction ends; null when there is no such namespace. */
  async lock(tx: Tx, id: string): Promise<NamespaceRow | null> {
    await tx.$executeRawUnsafe('SELECT FROM namespaces WHERE id = $1 FOR UPDATE', id);
    return (await tx.namespace.findFirst({ where: { id, deletedAt: null } })) as NamespaceRow | null;
  },

  /** Keeps it from being deleted until the transaction ends. Whether it is there. */
  async hold(tx: Tx, id: NamespaceId): Promise<boolean> {
    await tx.$executeRawUnsafe('SELECT FROM namespaces WHERE id = $1 FOR SHARE', id);
    return namespaceStore.has(tx, id);
  },

  /** What is in each of them and is not deleted. */
  async contents(
    db: Reader,
    ids: readonly string[],
  ): Promise<Map<string, { templates: number; environments: number }>> {
    const isThere = { where: { deletedAt: null } };
    const rows = await db.namespace.findMany({
      where: { id: { in: [...ids] } },
      select: { id: true, _count: { select: { templates: isThere, environments: isThere } } },
    });
    return new Map(rows.map(({ id, _count }) => [id, _count]));
  },

  /** With the roles that users have in it. Its name is free again. */
  async setDeleted(tx: Tx, id: NamespaceId, deletedAt: Date): Promise<void> {
    await tx.member.deleteMany({ where: { namespaceId: id } });
    await tx.namespace.update({ where: { id }, data: { name: id, deletedAt } });
  },

  /** Null takes the role away. */
  async setRole(
    tx: Tx,
    member: { namespaceId: NamespaceId; userId: UserId },
    role: NamespaceRole | null,
  ): Promise<void> {
    if (role === null) {
      await tx.member.deleteMany({ where: member });
      return;
    }
    const where = { namespaceId_userId: member };
    await tx.member.upsert({ where, create: { ...member, role }, update: { role } });
  },
};
