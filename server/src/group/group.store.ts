/** The only file that touches the tables `groups` and `group_members`. */
import { type GroupId, newId, type UserId } from '@easel/schema/ids';
import { escapeLike, type Reader, type Tx } from '../db.ts';
import type { Group, Prisma } from '../generated/prisma/client.ts';

export type GroupRow = Omit<Group, 'id'> & { id: GroupId };

export const groupStore = {
  async find(db: Reader, id: GroupId): Promise<GroupRow | null> {
    return (await db.group.findUnique({ where: { id } })) as GroupRow | null;
  },

  /** Of these, the groups that no directory keeps in step. */
  async someOwn(db: Reader, ids: readonly string[]): Promise<GroupRow[]> {
    const where = { id: { in: [...ids] }, moduleId: null, isProvisioned: false };
    return (await db.group.findMany({ where })) as GroupRow[];
  },

  async insert(tx: Tx, group: Pick<Group, 'name'> & Partial<Group>): Promise<GroupRow> {
    return (await tx.group.create({ data: { ...group, id: newId('group') } })) as GroupRow;
  },

  async update(tx: Tx, id: GroupId, fields: Partial<Group>): Promise<void> {
    await tx.group.update({ where: { id }, data: fields });
  },

  async delete(tx: Tx, id: GroupId): Promise<void> {
    await tx.group.deleteMany({ where: { id } });
  },

  count(db: Reader): Promise<number> {
    return db.group.count();
  },

  /** A page of all groups, by name; `query` is what the API's selection asks for. */
  page(
    db: Reader,
    query: Pick<Prisma.GroupFindManyArgs, 'include' | 'select' | 'cursor' | 'take' | 'skip'>,
    search: string | null,
  ): Promise<Group[]> {
    const contains = search === null ? null : ({ contains: escapeLike(search), mode: 'insensitive' } as const);
    return db.group.findMany({
      ...query,
      where: contains ? { OR: [{ name: contains }, { externalName: contains }] } : {},
      orderBy: [{ name: 'asc' }, { id: 'asc' }],
    } as Prisma.GroupFindManyArgs);
  },

  async memberIds(db: Reader, groupId: GroupId): Promise<UserId[]> {
    const rows = await db.groupMember.findMany({ where: { groupId }, select: { userId: true } });
    return rows.map(({ userId }) => userId as UserId);
  },

  /** Of these, the users that there are. */
  async knownUsers(db: Reader, ids: readonly UserId[]): Promise<UserId[]> {
    const rows = await db.user.findMany({ where: { id: { in: [...ids] } }, select: { id: true } });
    return rows.map(({ id }) => id as UserId);
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
