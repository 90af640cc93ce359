/** The only file that touches the tables `mail_codes` and `known_devices`. */
import type { UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { MailCode } from '../generated/prisma/client.ts';

export type MailCodePurpose = 'password' | 'email';

export const mailCodeStore = {
  async insert(tx: Tx, code: Omit<MailCode, 'usedAt'> & { purpose: MailCodePurpose }): Promise<void> {
    await tx.mailCode.create({ data: code });
  },

  /** How many of them are still good. */
  countOpen(db: Reader, userId: UserId, purpose: MailCodePurpose, now: Date): Promise<number> {
    return db.mailCode.count({ where: { userId, purpose, usedAt: null, expiresAt: { gt: now } } });
  },

  /** Uses the code up and gives it; null when it is unknown, used, too old, for something else, or of nobody any more. */
  async use(
    tx: Tx,
    wish: { codeHash: string; purpose: MailCodePurpose; now: Date; userId?: UserId },
  ): Promise<MailCode | null> {
    const { codeHash, purpose, now, userId } = wish;
    const [row] = await tx.mailCode.updateManyAndReturn({
      where: {
        codeHash,
        purpose,
        usedAt: null,
        expiresAt: { gt: now },
        user: { disabledAt: null },
        ...(userId ? { userId } : {}),
      },
      data: { usedAt: now },
    });
    return row ?? null;
  },

  /** What was mailed before opens nothing any more. */
  async endAll(tx: Tx, userId: UserId, purpose: MailCodePurpose, now: Date): Promise<void> {
    await tx.mailCode.updateMany({ where: { userId, purpose, usedAt: null }, data: { usedAt: now } });
  },

  async sweep(db: Reader, now: Date): Promise<void> {
    await db.mailCode.deleteMany({ where: { expiresAt: { lt: now } } });
  },
};

export const knownDeviceStore = {
  /** Says whether this user was here with it before, and whether with any other. */
  async use(
    tx: Tx,
    device: { userId: UserId; deviceHash: string; now: Date },
  ): Promise<{ isKnown: boolean; hasOthers: boolean }> {
    const { userId, deviceHash, now } = device;
    const known = await tx.knownDevice.updateMany({ where: { userId, deviceHash }, data: { lastUsedAt: now } });
    if (known.count > 0) return { isKnown: true, hasOthers: true };
    const others = await tx.knownDevice.count({ where: { userId } });
    await tx.knownDevice.createMany({
      data: { userId, deviceHash, createdAt: now, lastUsedAt: now },
      skipDuplicates: true,
    });
    return { isKnown: false, hasOthers: others > 0 };
  },

  async sweep(db: Reader, before: Date): Promise<void> {
    await db.knownDevice.deleteMany({ where: { lastUsedAt: { lt: before } } });
  },
};
