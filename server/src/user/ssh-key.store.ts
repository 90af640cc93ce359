/** The only file that touches the table `ssh_keys`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { SshKey, User } from '../generated/prisma/client.ts';

const isGood = (now: Date) => ({
  OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
  user: { disabledAt: null },
});

export const sshKeyStore = {
  insert(
    tx: Tx,
    key: Pick<SshKey, 'name' | 'publicKey' | 'algorithm' | 'fingerprint' | 'expiresAt' | 'verifyRequired'> & {
      userId: UserId;
    },
  ): Promise<SshKey> {
    return tx.sshKey.create({ data: { id: newId('sshKey'), ...key } });
  },

  list(db: Reader, userId: UserId): Promise<SshKey[]> {
    return db.sshKey.findMany({ where: { userId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
  },

  /** Those that let somebody in: none that has expired, and none of a user who is disabled. */
  listGood(db: Reader, userIds: readonly UserId[], { now, limit }: { now: Date; limit: number }): Promise<SshKey[]> {
    return db.sshKey.findMany({
      where: { userId: { in: [...userIds] }, ...isGood(now) },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      take: limit,
    });
  },

  count(db: Reader, userId: UserId): Promise<number> {
    return db.sshKey.count({ where: { userId } });
  },

  find(db: Reader, id: string, userId: UserId): Promise<SshKey | null> {
    return db.sshKey.findFirst({ where: { id, userId } });
  },

  /** Everybody who has uploaded this key and is let in by it: usually one. */
  owners(db: Reader, publicKey: string, now: Date): Promise<(SshKey & { user: User })[]> {
    return db.sshKey.findMany({
      where: { publicKey, ...isGood(now) },
      include: { user: true },
      orderBy: { createdAt: 'asc' },
    });
  },

  async setUsed(db: Reader, id: string, used: { at: Date; from: string }): Promise<void> {
    await db.sshKey.updateMany({ where: { id }, data: { lastUsedAt: used.at, lastUsedFrom: used.from } });
  },

  async delete(tx: Tx, id: string): Promise<void> {
    await tx.sshKey.deleteMany({ where: { id } });
  },
};
