/** The only file that touches the table `device_sign_ins`. */
import type { UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { DeviceSignIn } from '../generated/prisma/client.ts';

/** Nobody has said anything yet. */
const isWaiting = (now: Date) => ({ state: 'waiting', expiresAt: { gt: now } });

export const deviceSignInStore = {
  async insert(db: Reader, row: Omit<DeviceSignIn, 'polledAt' | 'state' | 'userId'>): Promise<void> {
    await db.deviceSignIn.create({ data: row });
  },

  countOpen(db: Reader, now: Date): Promise<number> {
    return db.deviceSignIn.count({ where: { expiresAt: { gt: now } } });
  },

  findWaiting(db: Reader, userCodeHash: string, now: Date): Promise<DeviceSignIn | null> {
    return db.deviceSignIn.findFirst({ where: { userCodeHash, ...isWaiting(now) } });
  },

  /** Null when somebody has answered meanwhile, too. */
  async answer(
    db: Reader,
    wish: { userCodeHash: string; now: Date; state: 'allowed' | 'refused'; userId: UserId },
  ): Promise<DeviceSignIn | null> {
    const { userCodeHash, now, state, userId } = wish;
    const [row] = await db.deviceSignIn.updateManyAndReturn({
      where: { userCodeHash, ...isWaiting(now) },
      data: { state, userId },
    });
    return row ?? null;
  },

  /** Whoever allowed it, where he has and is there still. */
  findByDevice(
    db: Reader,
    deviceCodeHash: string,
  ): Promise<(DeviceSignIn & { user: { login: string; disabledAt: Date | null } | null }) | null> {
    return db.deviceSignIn.findUnique({
      where: { deviceCodeHash },
      include: { user: { select: { login: true, disabledAt: true } } },
    });
  },

  async setPolled(
    db: Reader,
    deviceCodeHash: string,
    poll: { polledAt: Date; intervalSeconds: number },
  ): Promise<void> {
    await db.deviceSignIn.updateMany({ where: { deviceCodeHash }, data: poll });
  },

  /** False when it was used before, or the one who allowed it has been disabled meanwhile. */
  async use(tx: Tx, deviceCodeHash: string, now: Date): Promise<boolean> {
    const { count } = await tx.deviceSignIn.updateMany({
      where: { deviceCodeHash, state: 'allowed', expiresAt: { gt: now }, user: { disabledAt: null } },
      data: { state: 'used' },
    });
    return count === 1;
  },

  async sweep(db: Reader, now: Date): Promise<void> {
    await db.deviceSignIn.deleteMany({ where: { expiresAt: { lt: now } } });
  },
};
