/** The only file that touches the tables `namespaces` and `members`. */
import { type NamespaceId, newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Namespace } from '../generated/prisma/client.ts';
import type { NamespaceRole } from '../rights/roles.ts';

export const namespaceStore = {
  /** Safe for several at once: an upsert asks first and inserts then, and the second of two would fail. */
  async ensure(tx: Tx, name: string): Promise<NamespaceId> {
    await tx.namespace.createMany({ data: { id: newId('namespace'), name }, skipDuplicates: true });
    const row = await tx.namespace.findUniqueOrThrow({ where: { name } });
    return row.id as NamespaceId;
  },

  some(db: Reader, ids: readonly string[]): Promise<Namespace[]> {
    return db.namespace.findMany({ where: { id: { in: [...ids] } } });
  },

  async has(db: Reader, id: string): Promise<boolean> {
    return (await db.namespace.count({ where: { id } })) > 0;
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
