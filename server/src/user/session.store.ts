/** The only file that touches the tables `sessions`, `old_session_secrets` and `sign_in_codes`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Session, User } from '../generated/prisma/client.ts';

export type SessionRow = Session & { user: User };

export const sessionStore = {
  async insert(
    tx: Tx,
    session: Pick<
      Session,
      | 'secretHash'
      | 'expiresAt'
      | 'userAgent'
      | 'address'
      | 'method'
      | 'provedAt'
      | 'renewAt'
      | 'createdAt'
      | 'moduleId'
    > & { userId: UserId },
  ): Promise<string> {
    return (await tx.session.create({ data: { id: newId('session'), ...session } })).id;
  },

  findValid(db: Reader, secretHash: string, now: Date): Promise<SessionRow | null> {
    return db.session.findFirst({
      where: { secretHash, revokedAt: null, expiresAt: { gt: now }, user: { disabledAt: null } },
      include: { user: true },
    });
  },

  /** The session that had this secret before, and when it was replaced. */
  async findReplaced(db: Reader, secretHash: string, now: Date): Promise<{ row: SessionRow; replacedAt: Date } | null> {
    const old = await db.oldSessionSecret.findFirst({
      where: { secretHash, session: { revokedAt: null, expiresAt: { gt: now }, user: { disabledAt: null } } },
      include: { session: { include: { user: true } } },
    });
    return old && { row: old.session, replacedAt: old.replacedAt };
  },

  /** Zero rows: another request has been faster. */
  async replaceSecret(
    tx: Tx,
    secrets: { from: string; to: string },
    { now, renewAt }: { now: Date; renewAt: Date },
  ): Promise<Session | null> {
    const where = { secretHash: secrets.from, revokedAt: null, expiresAt: { gt: now } };
    const [row] = await tx.session.updateManyAndReturn({ where, data: { secretHash: secrets.to, renewAt } });
    if (!row) return null;
    await tx.oldSessionSecret.create({ data: { secretHash: secrets.from, sessionId: row.id, replacedAt: now } });
    return row;
  },

  async setProved(db: Reader, id: string, provedAt: Date): Promise<void> {
    await db.session.updateMany({ where: { id }, data: { provedAt } });
  },

  async setRenewalDue(tx: Tx, id: string, renewAt: Date): Promise<void> {
    await tx.session.updateMany({ where: { id }, data: { renewAt } });
  },

  /** Those that not even their user may keep: signed in by a password, of people that `without` finds. Gives whose. */
  async revokeByPassword(tx: Tx, userIds: readonly UserId[], now: Date): Promise<UserId[]> {
    const isByPassword = { OR: [{ method: 'password' }, { method: null }] };
    const rows = await tx.session.updateManyAndReturn({
      where: { userId: { in: [...userIds] }, revokedAt: null, expiresAt: { gt: now }, ...isByPassword },
      data: { revokedAt: now },
    });
    return [...new Set(rows.map(({ userId }) => userId as UserId))];
  },

  findValidById(db: Reader, id: string, now: Date): Promise<SessionRow | null> {
    return db.session.findFirst({
      where: { id, revokedAt: null, expiresAt: { gt: now }, user: { disabledAt: null } },
      include: { user: true },
    });
  },

  /** Those that have not ended, the one used last first. */
  list(db: Reader, userId: UserId, now: Date): Promise<Session[]> {
    return db.session.findMany({
      where: { userId, revokedAt: null, expiresAt: { gt: now } },
      orderBy: [{ lastUsedAt: { sort: 'desc', nulls: 'last' } }, { createdAt: 'desc' }],
    });
  },

  async setUsed(db: Reader, id: string, now: Date): Promise<void> {
    await db.session.updateMany({ where: { id }, data: { lastUsedAt: now } });
  },

  /** Gives the one that it has ended; null when there is none of the user. */
  async revokeOne(tx: Tx, id: string, by: { userId: UserId; now: Date }): Promise<Session | null> {
    const { userId, now } = by;
    const where = { id, userId, revokedAt: null, expiresAt: { gt: now } };
    const [session] = await tx.session.updateManyAndReturn({ where, data: { revokedAt: now } });
    return session ?? null;
  },

  /** Gives whose it was; null when it had ended, or never was. */
  async revoke(tx: Tx, secretHash: string, now: Date): Promise<UserId | null> {
    const where = { secretHash, revokedAt: null };
    const [session] = await tx.session.updateManyAndReturn({ where, data: { revokedAt: now } });
    return (session?.userId as UserId | undefined) ?? null;
  },

  /** Gives how many it has ended. */
  async revokeOthers(tx: Tx, userId: UserId, keepId: string | null, now: Date): Promise<number> {
    const { count } = await tx.session.updateMany({
      where: { userId, revokedAt: null, expiresAt: { gt: now }, ...(keepId === null ? {} : { id: { not: keepId } }) },
      data: { revokedAt: now },
    });
    return count;
  },

  /** Gives whose each was. */
  async revokeOfModule(tx: Tx, of: { moduleId: string; userId: UserId | null }, now: Date): Promise<UserId[]> {
    const { moduleId, userId } = of;
    const where = { moduleId, ...(userId === null ? {} : { userId }), revokedAt: null, expiresAt: { gt: now } };
    const ended = await tx.session.updateManyAndReturn({ where, data: { revokedAt: now }, select: { userId: true } });
    return ended.map(({ userId: owner }) => owner as UserId);
  },

  async insertCode(
    db: Reader,
    code: { codeHash: string; userId: UserId; expiresAt: Date; asksSecondFactor: boolean },
  ): Promise<void> {
    await db.signInCode.create({ data: code });
  },

  /** Uses the code up and gives its user; null when it is unknown, used or too old. */
  async useCode(tx: Tx, codeHash: string, now: Date): Promise<{ userId: UserId; asksSecondFactor: boolean } | null> {
    const { count } = await tx.signInCode.updateMany({
      where: { codeHash, usedAt: null, expiresAt: { gt: now }, user: { disabledAt: null } },
      data: { usedAt: now },
    });
    if (count === 0) return null;
    const row = await tx.signInCode.findUnique({ where: { codeHash } });
    return row && { userId: row.userId as UserId, asksSecondFactor: row.asksSecondFactor };
  },

  /** Forgets what can open nothing any more. */
  async sweep(db: Reader, now: Date): Promise<void> {
    await db.signInCode.deleteMany({ where: { OR: [{ expiresAt: { lt: now } }, { usedAt: { not: null } }] } });
    await db.session.deleteMany({ where: { OR: [{ expiresAt: { lt: now } }, { revokedAt: { lt: now } }] } });
  },
};
