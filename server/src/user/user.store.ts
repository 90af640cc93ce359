/** The only file that touches the table `users`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Member, User } from '../generated/prisma/client.ts';

export type UserRow = Omit<User, 'id'> & { id: UserId };
export type UserWithRoles = User & { members: Member[] };

/** What a user's rights are made of. */
export const withRoles = { members: true } as const;

export const userStore = {
  async find(db: Reader, id: UserId): Promise<UserRow | null> {
    return (await db.user.findUnique({ where: { id } })) as UserRow | null;
  },

  async findByLogin(db: Reader, login: string): Promise<UserRow | null> {
    return (await db.user.findUnique({ where: { login } })) as UserRow | null;
  },

  async ensureAdministrator(tx: Tx, login: string, name: string): Promise<UserRow> {
    return (await tx.user.upsert({
      where: { login },
      create: { id: newId('user'), login, name, isAdministrator: true },
      update: {},
    })) as UserRow;
  },

  async setPasswordHash(tx: Tx, id: UserId, passwordHash: string): Promise<UserRow> {
    return (await tx.user.update({ where: { id }, data: { passwordHash } })) as UserRow;
  },

  /** Serialises what must be counted per user: held until the end of the transaction. Keys that refer to it are not hindered. */
  async lock(tx: Tx, id: UserId): Promise<void> {
    await tx.$executeRawUnsafe('SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE', id);
  },
};
