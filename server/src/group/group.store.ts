/** The only file that touches the tables `groups` and `group_members`. */
import { type GroupId, newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Group } from '../generated/prisma/client.ts';

export type GroupRow = Omit<Group, 'id'> & { id: GroupId };

export const groupStore = {
  async find(db: Reader, id: GroupId): Promise<GroupRow | null> {
    return (await db.group.findUnique({ where: { id } })) as GroupRow | null;
  },

  async insert(tx: Tx, group: Pick<Group, 'name'> & Partial<Group>): Promise<GroupRow> {
    return (await tx.group.create({ data: { ...group, id: newId('group') } })) as GroupRow;
  },

  /** The groups of this user, by name. */
  async ofUser(db: Reader, userId: UserId): Promise<GroupRow[]> {
    const where = { members: { some: { userId } } };
    return (await db.group.findMany({ where, orderBy: [{ name: 'asc' }, { id: 'asc' }] })) as GroupRow[];
  },

  async findByName(db: Reader, name: string): Promise<GroupRow | null> {
    return (await db.group.findUnique({ where: { name } })) as GroupRow | null;
  },

  /** Who is in these groups, the oldest members first; with `among`, who of those. */
  async membersOf(
    db: Reader,
    groupIds: readonly string[],
    about: { among?: readonly string[]; limit: number },
  ): Promise<{ groupId: string; userId: UserId }[]> {
    const { among, limit } = about;
    return (await db.groupMember.findMany({
      where: { groupId: { in: [...groupIds] }, ...(among ? { userId: { in: [...among] } } : {}) },
      select: { groupId: true, userId: true },
      orderBy: { createdAt: 'asc' },
      take: limit,
    })) as { groupId: string; userId: UserId }[];
  },

  /** All groups that belong to this sign-in module. */
  async ofModule(db: Reader, moduleId: string): Promise<GroupRow[]> {
    return (await db.group.findMany({ where: { moduleId }, orderBy: { id: 'asc' } })) as GroupRow[];
  },

  async addMembers(tx: Tx, groupId: GroupId, userIds: readonly UserId[]): Promise<void> {
    const data = userIds.map((userId) => ({ groupId, userId }));
    await tx.groupMember.createMany({ data, skipDuplicates: true });
  },

  async removeMembers(tx: Tx, groupId: GroupId, userIds: readonly UserId[]): Promise<void> {
    await tx.groupMember.deleteMany({ where: { groupId, userId: { in: [...userIds] } } });
  },
};
