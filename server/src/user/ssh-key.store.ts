/** The only file that touches the table `ssh_keys`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { SshKey, User } from '../generated/prisma/client.ts';

export const sshKeyStore = {
  insert(
    tx: Tx,
    key: { userId: UserId; name: string; publicKey: string; algorithm: string; fingerprint: string },
  ): Promise<SshKey> {
    return tx.sshKey.create({ data: { id: newId('sshKey'), ...key } });
  },

  list(db: Reader, userId: UserId): Promise<SshKey[]> {
    return db.sshKey.findMany({ where: { userId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
  },

  /** Those that let somebody in: none of a user who is disabled. */
  listGood(db: Reader, userId: UserId): Promise<SshKey[]> {
    return db.sshKey.findMany({
      where: { userId, user: { disabledAt: null } },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
  },

  count(db: Reader, userId: UserId): Promise<number> {
    return db.sshKey.count({ where: { userId } });
  },

  find(db: Reader, id: string, userId: UserId): Promise<SshKey | null> {
    return db.sshKey.findFirst({ where: { id, userId } });
  },

  /** Everybody who has uploaded this key and is not disabled: usually one. */
  owners(db: Reader, publicKey: string): Promise<(SshKey & { user: User })[]> {
    return db.sshKey.findMany({
      where: { publicKey, user: { disabledAt: null } },
      include: { user: true },
      orderBy: { createdAt: 'asc' },
    });
  },

  async setUsed(db: Reader, id: string, now: Date): Promise<void> {
    await db.sshKey.updateMany({ where: { id }, data: { lastUsedAt: now } });
  },

  async delete(tx: Tx, id: string): Promise<void> {
    await tx.sshKey.deleteMany({ where: { id } });
  },
};
