/** The only file that touches the tables `totp_factors`, `recovery_codes` and `passkeys`. */
import type { UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Passkey, Prisma, TotpFactor } from '../generated/prisma/client.ts';

export const factorStore = {
  findTotp(db: Reader, userId: UserId): Promise<TotpFactor | null> {
    return db.totpFactor.findUnique({ where: { userId } });
  },

  async setPendingTotp(tx: Tx, userId: UserId, sealedPending: string): Promise<void> {
    await tx.totpFactor.upsert({ where: { userId }, create: { userId, sealedPending }, update: { sealedPending } });
  },

  /** From now on this secret counts. False when another was begun meanwhile. */
  async confirmTotp(
    tx: Tx,
    userId: UserId,
    confirmed: { sealedPending: string; sealedSecret: string; step: number; now: Date },
  ): Promise<boolean> {
    const { sealedPending, sealedSecret, step, now } = confirmed;
    const { count } = await tx.totpFactor.updateMany({
      where: { userId, sealedPending },
      data: { sealedSecret, sealedPending: null, lastStep: step, createdAt: now, lastUsedAt: now },
    });
    return count === 1;
  },

  /** False when a code of this step, or a later one, was taken already. */
  async useTotpStep(db: Reader, userId: UserId, step: number, now: Date): Promise<boolean> {
    const { count } = await db.totpFactor.updateMany({
      where: { userId, OR: [{ lastStep: null }, { lastStep: { lt: step } }] },
      data: { lastStep: step, lastUsedAt: now },
    });
    return count === 1;
  },

  async removeTotp(tx: Tx, userId: UserId): Promise<boolean> {
    return (await tx.totpFactor.deleteMany({ where: { userId } })).count === 1;
  },

  countRecoveryCodes(db: Reader, userId: UserId): Promise<number> {
    return db.recoveryCode.count({ where: { userId, usedAt: null } });
  },

  /** None of the former is good any more. */
  async replaceRecoveryCodes(tx: Tx, userId: UserId, codeHashes: readonly string[]): Promise<void> {
    await tx.recoveryCode.deleteMany({ where: { userId } });
    await tx.recoveryCode.createMany({ data: codeHashes.map((codeHash) => ({ userId, codeHash })) });
  },

  async useRecoveryCode(db: Reader, userId: UserId, codeHash: string, usedAt: Date): Promise<boolean> {
    const { count } = await db.recoveryCode.updateMany({ where: { userId, codeHash, usedAt: null }, data: { usedAt } });
    return count === 1;
  },

  passkeys(db: Reader, userId: UserId): Promise<Passkey[]> {
    return db.passkey.findMany({ where: { userId }, orderBy: { createdAt: 'asc' } });
  },

  findPasskey(db: Reader, credentialId: string): Promise<Passkey | null> {
    return db.passkey.findFirst({ where: { credentialId, user: { disabledAt: null } } });
  },

  insertPasskey(
    tx: Tx,
    passkey: Omit<Passkey, 'lastUsedAt' | 'transports'> & { transports: string[] },
  ): Promise<Passkey> {
    return tx.passkey.create({ data: { ...passkey, transports: passkey.transports as Prisma.InputJsonArray } });
  },

  /** False when a signature with this number, or a higher one, was seen already: two devices have the same key. */
  async usePasskey(db: Reader, id: string, counter: number, now: Date): Promise<boolean> {
    const { count } = await db.passkey.updateMany({
      where: { id, OR: [{ counter: { lt: counter } }, ...(counter === 0 ? [{ counter: 0 }] : [])] },
      data: { counter, lastUsedAt: now },
    });
    return count === 1;
  },

  async renamePasskey(tx: Tx, userId: UserId, id: string, name: string): Promise<boolean> {
    return (await tx.passkey.updateMany({ where: { id, userId }, data: { name } })).count === 1;
  },

  async removePasskey(tx: Tx, userId: UserId, id: string): Promise<boolean> {
    return (await tx.passkey.deleteMany({ where: { id, userId } })).count === 1;
  },

  /** Everything. Gives whether there was anything. */
  async removeAll(tx: Tx, userId: UserId): Promise<boolean> {
    const where = { where: { userId } };
    const { count: apps } = await tx.totpFactor.deleteMany(where);
    const { count: passkeys } = await tx.passkey.deleteMany(where);
    await tx.recoveryCode.deleteMany(where);
    return apps + passkeys > 0;
  },
};
