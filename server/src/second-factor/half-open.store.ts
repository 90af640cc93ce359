/** The only file that touches the tables `half_open_sign_ins` and `passkey_challenges`. */
import type { UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { HalfOpenSignIn } from '../generated/prisma/client.ts';

export type Step = 'secondFactor' | 'setUp';

export const halfOpenStore = {
  async insert(
    db: Reader,
    row: { secretHash: string; userId: UserId; step: Step; method: string; expiresAt: Date },
  ): Promise<void> {
    await db.halfOpenSignIn.create({ data: row });
  },

  find(db: Reader, secretHash: string, now: Date): Promise<HalfOpenSignIn | null> {
    return db.halfOpenSignIn.findFirst({ where: { secretHash, expiresAt: { gt: now }, user: { disabledAt: null } } });
  },

  /** Counts before anything is compared: many at once get no more than one after the other. Null when they are used up. */
  async countTry(db: Reader, secretHash: string, limit: { now: Date; max: number }): Promise<HalfOpenSignIn | null> {
    const { now, max } = limit;
    const [row] = await db.halfOpenSignIn.updateManyAndReturn({
      where: { secretHash, expiresAt: { gt: now }, failures: { lt: max }, user: { disabledAt: null } },
      data: { failures: { increment: 1 } },
    });
    return row ?? null;
  },

  /** False when it was used up meanwhile. */
  async take(tx: Tx, secretHash: string): Promise<boolean> {
    return (await tx.halfOpenSignIn.deleteMany({ where: { secretHash } })).count === 1;
  },

  async removeAllOf(tx: Tx, userId: UserId): Promise<void> {
    await tx.halfOpenSignIn.deleteMany({ where: { userId } });
  },

  async insertChallenge(
    db: Reader,
    challenge: { challengeHash: string; purpose: string; holder: string; expiresAt: Date },
  ): Promise<void> {
    await db.passkeyChallenge.create({ data: challenge });
  },

  /** Uses it up. False when it is unknown, of somebody else, for something else, used or too old. */
  async takeChallenge(
    db: Reader,
    challenge: { challengeHash: string; purpose: string; holder: string },
    now: Date,
  ): Promise<boolean> {
    return (await db.passkeyChallenge.deleteMany({ where: { ...challenge, expiresAt: { gt: now } } })).count === 1;
  },

  async sweep(db: Reader, now: Date): Promise<void> {
    await db.halfOpenSignIn.deleteMany({ where: { expiresAt: { lt: now } } });
    await db.passkeyChallenge.deleteMany({ where: { expiresAt: { lt: now } } });
  },
};
