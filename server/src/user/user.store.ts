/** The only file that touches the table `users`. */
import { newId, type UserId } from '@easel/schema/ids';
import { escapeLike, type Reader, type Tx } from '../db.ts';
import type { Prisma, User } from '../generated/prisma/client.ts';
import type { SystemRole } from '../rights/roles.ts';
import type { UserRow } from './user-row.ts';

export type NewUser = Pick<UserRow, 'login' | 'name' | 'email' | 'passwordHash'> & {
  kind: 'person' | 'service';
  /** Null and left out: nobody has proved that the address is his. */
  emailVerifiedAt?: Date | null;
  systemRole: SystemRole | null;
};

function columnsOf(systemRole: SystemRole | null) {
  return { isAdministrator: systemRole === 'administrator', isAuditor: systemRole === 'auditor' };
}

/** Who can be told something. */
const isReached = { kind: 'person', disabledAt: null };

export const userStore = {
  async find(db: Reader, id: UserId): Promise<UserRow | null> {
    return (await db.user.findUnique({ where: { id } })) as UserRow | null;
  },

  async findByLogin(db: Reader, login: string): Promise<UserRow | null> {
    return (await db.user.findUnique({ where: { login } })) as UserRow | null;
  },

  /** A page of all users, by name; `query` is what the API's selection asks for. */
  page(
    db: Reader,
    query: Pick<Prisma.UserFindManyArgs, 'include' | 'select' | 'cursor' | 'take' | 'skip'>,
    filter: { search: string | null; kind: string | null },
  ): Promise<User[]> {
    const { search, kind } = filter;
    const contains = search === null ? null : ({ contains: escapeLike(search), mode: 'insensitive' } as const);
    return db.user.findMany({
      ...query,
      where: {
        ...(kind === null ? {} : { kind }),
        ...(contains ? { OR: [{ name: contains }, { login: contains }, { email: contains }] } : {}),
      },
      orderBy: [{ name: 'asc' }, { id: 'asc' }],
    } as Prisma.UserFindManyArgs);
  },

  async ensureAdministrator(tx: Tx, login: string, name: string): Promise<UserRow> {
    return (await tx.user.upsert({
      where: { login },
      create: { id: newId('user'), login, name, isAdministrator: true },
      update: {},
    })) as UserRow;
  },

  async findReached(db: Reader, id: UserId): Promise<UserRow | null> {
    return (await db.user.findFirst({ where: { id, ...isReached } })) as UserRow | null;
  },

  async findAllReached(db: Reader, ids: readonly UserId[]): Promise<UserRow[]> {
    return (await db.user.findMany({ where: { id: { in: [...ids] }, ...isReached } })) as UserRow[];
  },

  async update(
    tx: Tx,
    id: UserId,
    fields: Partial<Pick<UserRow, 'email' | 'emailVerifiedAt' | 'language'>>,
  ): Promise<UserRow> {
    return (await tx.user.update({ where: { id }, data: fields })) as UserRow;
  },

  /** Only addresses that were confirmed: anybody can write anybody's into a form. */
  async findByEmail(db: Reader, email: string): Promise<UserRow[]> {
    const where = {
      kind: 'person',
      emailVerifiedAt: { not: null },
      email: { equals: escapeLike(email), mode: 'insensitive' },
    } as const;
    return (await db.user.findMany({ where, take: 2 })) as UserRow[];
  },

  async insert(tx: Tx, user: NewUser): Promise<UserRow> {
    const { systemRole, ...plain } = user;
    return (await tx.user.create({ data: { id: newId('user'), ...plain, ...columnsOf(systemRole) } })) as UserRow;
  },

  async setSystemRole(tx: Tx, id: UserId, systemRole: SystemRole | null): Promise<void> {
    await tx.user.update({ where: { id }, data: columnsOf(systemRole) });
  },

  async setProfile(
    tx: Tx,
    id: UserId,
    profile: Partial<Pick<UserRow, 'name' | 'email' | 'emailVerifiedAt'>>,
  ): Promise<void> {
    await tx.user.update({ where: { id }, data: profile });
  },

  async setDisabled(tx: Tx, id: UserId, disabledAt: Date | null): Promise<void> {
    await tx.user.update({ where: { id }, data: { disabledAt } });
  },

  /** Back to what he was at the first start. */
  async restoreAdministrator(tx: Tx, id: UserId): Promise<void> {
    await tx.user.update({ where: { id }, data: { ...columnsOf('administrator'), disabledAt: null } });
  },

  async setPasswordHash(tx: Tx, id: UserId, passwordHash: string | null): Promise<UserRow> {
    return (await tx.user.update({ where: { id }, data: { passwordHash } })) as UserRow;
  },

  /** Serialises what must be counted per user: held until the end of the transaction. Keys that refer to it are not hindered. */
  async lock(tx: Tx, id: UserId): Promise<void> {
    await tx.$executeRawUnsafe('SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE', id);
  },
};
