/** The only file that touches the table `scim_users`; reads the people and the groups that a directory sees. */
import type { GroupId, UserId } from '@easel/schema/ids';
import { escapeLike, type Reader, type Tx } from '../db.ts';
import type { Group, Prisma } from '../generated/prisma/client.ts';
import { badRequest } from './scim-error.ts';
import type { Comparison } from './scim-path.ts';
import type { ScimRow, Wanted } from './scim-user.ts';

export type GroupWithMembers = Group & { members: { user: { id: string; name: string } }[] };

/** Every person but those whom the directory has deleted. */
const VISIBLE = { kind: 'person', OR: [{ scim: null }, { scim: { deletedAt: null } }] } satisfies Prisma.UserWhereInput;

const same = (value: string | boolean) => ({ equals: escapeLike(String(value)), mode: 'insensitive' as const });

const USER_FILTERS: Record<string, (value: string | boolean) => Prisma.UserWhereInput> = {
  id: (value) => ({ id: String(value) }),
  username: (value) => ({
    OR: [
      { scim: { userName: same(value) } },
      { scim: null, email: same(value) },
      { scim: null, email: null, login: same(value) },
    ],
  }),
  externalid: (value) => ({ scim: { externalId: String(value) } }),
  emails: (value) => ({ email: same(value) }),
  displayname: (value) => ({ name: same(value) }),
  active: (value) => ({ disabledAt: String(value).toLowerCase() === 'true' ? null : { not: null } }),
};

const GROUP_FILTERS: Record<string, (value: string | boolean) => Prisma.GroupWhereInput> = {
  id: (value) => ({ id: String(value) }),
  displayname: (value) => ({ name: same(value) }),
  externalid: (value) => ({ scimExternalId: String(value) }),
  members: (value) => ({ members: { some: { userId: String(value) } } }),
};

function all<Where>(
  filters: Record<string, (value: string | boolean) => Where>,
  filter: readonly Comparison[],
): Where[] {
  return filter.map(({ attribute, value }) => {
    // `emails[type eq "work"].value` asks for the address as well.
    const make = Object.hasOwn(filters, attribute) ? filters[attribute] : undefined;
    if (make) return make(value);
    throw badRequest(
      'invalidFilter',
      `"${attribute}" cannot be filtered by; expected one of ${Object.keys(filters).join(', ')}`,
    );
  });
}

interface Page {
  skip: number;
  take: number;
}

export const scimStore = {
  async listUsers(db: Reader, filter: readonly Comparison[], page: Page): Promise<{ rows: ScimRow[]; total: number }> {
    const where = { AND: [VISIBLE, ...all(USER_FILTERS, filter)] };
    const total = await db.user.count({ where });
    if (page.take === 0) return { rows: [], total };
    return { rows: await db.user.findMany({ where, include: { scim: true }, orderBy: { id: 'asc' }, ...page }), total };
  },

  findUser(db: Reader, id: UserId): Promise<ScimRow | null> {
    return db.user.findFirst({ where: { AND: [VISIBLE, { id }] }, include: { scim: true } });
  },

  /** Whoever has this name already, also if he was deleted. */
  findByUserName(db: Reader, userName: string): Promise<ScimRow | null> {
    const where = { kind: 'person', AND: [USER_FILTERS.username?.(userName) ?? {}] };
    return db.user.findFirst({ where, include: { scim: true }, orderBy: { id: 'asc' } });
  },

  async setUser(tx: Tx, userId: UserId, { userName, externalId, attributes }: Wanted): Promise<void> {
    const fields = { userName, externalId, attributes, deletedAt: null };
    await tx.scimUser.upsert({ where: { userId }, create: { userId, ...fields }, update: fields });
  },

  async setDeleted(tx: Tx, row: ScimRow, userName: string, deletedAt: Date): Promise<void> {
    const create = { userId: row.id, userName, deletedAt };
    await tx.scimUser.upsert({ where: { userId: row.id }, create, update: { deletedAt } });
  },

  async listGroups(
    db: Reader,
    filter: readonly Comparison[],
    options: Page & { hasMembers: boolean },
  ): Promise<{ rows: GroupWithMembers[]; total: number }> {
    const { hasMembers, ...page } = options;
    const where = { AND: [{ isProvisioned: true }, ...all(GROUP_FILTERS, filter)] };
    const total = await db.group.count({ where });
    if (page.take === 0) return { rows: [], total };
    if (hasMembers)
      return { rows: await db.group.findMany({ where, include: MEMBERS, orderBy: { id: 'asc' }, ...page }), total };
    const rows = await db.group.findMany({ where, orderBy: { id: 'asc' }, ...page });
    return { rows: rows.map((row) => ({ ...row, members: [] })), total };
  },

  findGroup(db: Reader, id: GroupId): Promise<GroupWithMembers | null> {
    return db.group.findFirst({ where: { id, isProvisioned: true }, include: MEMBERS });
  },

  /** Of these, the people that the directory sees. */
  async visible(db: Reader, ids: readonly string[]): Promise<Set<string>> {
    const rows = await db.user.findMany({ where: { AND: [VISIBLE, { id: { in: [...ids] } }] }, select: { id: true } });
    return new Set(rows.map(({ id }) => id));
  },
};

const MEMBERS = {
  members: { select: { user: { select: { id: true, name: true } } }, orderBy: { userId: 'asc' } },
} satisfies Prisma.GroupInclude;
