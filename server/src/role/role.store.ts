/** The only file that touches the tables `roles` and `role_grants`. */
import { type GroupId, newId, type RoleId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Role } from '../generated/prisma/client.ts';
import type { Grant } from '../rights/grants.ts';

export type RoleRow = Omit<Role, 'id'> & { id: RoleId };
export type RoleFields = Pick<Role, 'name' | 'description' | 'scope' | 'permissions'>;

/** Who has a role by a row of `role_grants`. */
export type Holder = { userId: UserId } | { groupId: GroupId };

export const roleStore = {
  async list(db: Reader): Promise<RoleRow[]> {
    return (await db.role.findMany({ orderBy: [{ name: 'asc' }, { id: 'asc' }] })) as RoleRow[];
  },

  async find(db: Reader, id: RoleId): Promise<RoleRow | null> {
    return (await db.role.findUnique({ where: { id } })) as RoleRow | null;
  },

  async insert(tx: Tx, fields: RoleFields): Promise<RoleRow> {
    return (await tx.role.create({ data: { id: newId('role'), ...fields } })) as RoleRow;
  },

  /** Gives null when somebody else has changed it in the meantime. */
  async update(tx: Tx, { id, version }: RoleRow, fields: RoleFields): Promise<RoleRow | null> {
    const data = { ...fields, version: { increment: 1 } };
    const [row] = await tx.role.updateManyAndReturn({ where: { id, version }, data });
    return (row ?? null) as RoleRow | null;
  },

  async delete(tx: Tx, id: RoleId): Promise<void> {
    await tx.role.deleteMany({ where: { id } });
  },

  countGrants(db: Reader, id: RoleId): Promise<number> {
    return db.roleGrant.count({ where: { roleId: id } });
  },

  /** How often each is given. */
  async grantCounts(db: Reader, ids: readonly string[]): Promise<Map<string, number>> {
    const where = { roleId: { in: [...ids] } };
    const rows = await db.roleGrant.groupBy({ by: ['roleId'], where, _count: true });
    return new Map(rows.map(({ roleId, _count }) => [roleId ?? '', _count]));
  },

  /** Everybody who has it, by himself or by a group. */
  async holders(tx: Tx, id: RoleId): Promise<UserId[]> {
    const rows = await tx.user.findMany({
      where: {
        OR: [
          { roleGrants: { some: { roleId: id } } },
          { memberships: { some: { group: { roles: { some: { roleId: id } } } } } },
        ],
      },
      select: { id: true },
    });
    return rows.map((row) => row.id as UserId);
  },

  /** What this holder has in `role_grants`, in the order of giving. */
  async grantsOf(db: Reader, holder: Holder): Promise<Grant[]> {
    const rows = await db.roleGrant.findMany({ where: holder, include: { custom: true }, orderBy: { id: 'asc' } });
    return rows.map(({ namespaceId, role, roleId, groupId, custom }) => {
      return { namespaceId, role, roleId, groupId, permissions: custom?.permissions ?? null };
    });
  },

  /** Whoever has them. */
  async removeGrantsIn(tx: Tx, namespaceId: string): Promise<void> {
    await tx.roleGrant.deleteMany({ where: { namespaceId } });
  },

  /** Replaces all that this holder has there. */
  async replaceGrants(tx: Tx, holder: Holder, grants: readonly Grant[]): Promise<void> {
    await tx.roleGrant.deleteMany({ where: holder });
    await tx.roleGrant.createMany({
      data: grants.map(({ namespaceId, role, roleId }) => ({
        id: newId('grant'),
        ...holder,
        namespaceId,
        role,
        roleId,
      })),
    });
  },
};
