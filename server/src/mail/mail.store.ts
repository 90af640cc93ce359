/**
 * The only file that touches the table `mails`.
 *
 * A mail is taken with a lease, in a transaction of its own, before it is sent: two replicas never send the same one, and one
 * whose replica died is due again when the lease is over.
 */
import { newId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Mail } from '../generated/prisma/client.ts';

const CLAIM_SQL = `
  WITH due AS (
    SELECT id FROM mails WHERE state = 'waiting' AND run_at <= $1 ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)
  UPDATE mails AS m SET run_at = $3, attempts = attempts + 1 FROM due WHERE m.id = due.id
  RETURNING m.id, m.template, m.sealed, m.attempts, m.created_at AS "createdAt"`;

export type ClaimedMail = Pick<Mail, 'id' | 'template' | 'sealed' | 'attempts' | 'createdAt'>;

export const mailStore = {
  newId: () => newId('mail'),

  async insert(
    tx: Tx,
    mail: Pick<Mail, 'id' | 'template' | 'addressHash' | 'sealed' | 'runAt' | 'createdAt'>,
  ): Promise<void> {
    await tx.mail.create({ data: mail });
  },

  countTo(db: Reader, addressHash: string, since: Date): Promise<number> {
    return db.mail.count({ where: { addressHash, createdAt: { gt: since } } });
  },

  claim(db: Reader, claim: { now: Date; until: Date; limit: number }): Promise<ClaimedMail[]> {
    return db.$queryRawUnsafe<ClaimedMail[]>(CLAIM_SQL, claim.now, claim.limit, claim.until);
  },

  async again(db: Reader, id: string, next: { runAt: Date; problem: string }): Promise<void> {
    await db.mail.updateMany({ where: { id, state: 'waiting' }, data: next });
  },

  /** What it said is of no use any more once it is sent; one that was given up can be sent again. */
  async sent(db: Reader, id: string, endedAt: Date): Promise<void> {
    await db.mail.updateMany({ where: { id }, data: { state: 'sent', endedAt, sealed: null, problem: null } });
  },

  /** False when somebody else has ended it. */
  async givenUp(tx: Tx, id: string, ended: { endedAt: Date; problem: string }): Promise<boolean> {
    const data = { state: 'given_up', ...ended };
    return (await tx.mail.updateMany({ where: { id, state: 'waiting' }, data })).count > 0;
  },

  /** Takes one that was given up back into the queue; null when there is none. */
  async retry(tx: Tx, id: string, now: Date): Promise<Mail | null> {
    const data = { state: 'waiting', endedAt: null, attempts: 0, createdAt: now, runAt: now };
    const [row] = await tx.mail.updateManyAndReturn({ where: { id, state: 'given_up', sealed: { not: null } }, data });
    return row ?? null;
  },

  async counts(db: Reader, since: Date): Promise<{ waiting: number; sent: number; givenUp: number }> {
    const count = (state: string) =>
      db.mail.count({ where: { state, ...(state === 'waiting' ? {} : { createdAt: { gt: since } }) } });
    const [waiting, sent, givenUp] = await Promise.all([count('waiting'), count('sent'), count('given_up')]);
    return { waiting, sent, givenUp };
  },

  /** Those that did not go out, or have not yet although they were tried; the newest first. */
  troubled(db: Reader, limit: number): Promise<Mail[]> {
    return db.mail.findMany({
      where: { OR: [{ state: 'given_up' }, { state: 'waiting', problem: { not: null } }] },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: limit,
    });
  },

  async sweep(db: Reader, before: Date): Promise<void> {
    await db.mail.deleteMany({ where: { state: { not: 'waiting' }, endedAt: { lt: before } } });
  },
};
