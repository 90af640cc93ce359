/**
 * Sends what is due of the outbox, on every replica. A mail is taken with a lease before it is sent, so that it is sent by one
 * at a time; after that only its end is written. If the replica dies between, nobody can say whether the server has taken the
 * mail: it is sent again, with the same Message-ID, by which mailboxes drop the second one.
 */
import { type Backoff, fullJitter } from '@easel/kit/backoff';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { MailService } from './mail.service.ts';
import { type ClaimedMail, mailStore } from './mail.store.ts';

/** Longer than the mail server is waited for. */
const LEASE_MS = 5 * 60_000;
const PER_TURN = 20;
/** Retries are spread over a day, then it is given up: who reads of a sign-in from the day before yesterday? */
const GIVE_UP_MS = 24 * 3_600_000;
const BACKOFF: Backoff = { baseMs: 60_000, maxMs: 2 * 3_600_000 };
const KEEP_DAYS = 30;

export interface DeliverParts {
  db: Db;
  mails: Pick<MailService, 'isOn' | 'send'>;
  clock: Clock;
  log: Log;
  /** Tells administrators, in the transaction that gives a mail up. */
  onGivenUp: (tx: Tx, mail: { id: string; template: string; problem: string }) => Promise<void>;
}

/** Ends of mails that the database has not taken yet: they must not be sent again by this replica. */
export type Unwritten = Map<string, Date>;

/** Gives how many were tried. */
export async function deliverMails(parts: DeliverParts, unwritten: Unwritten): Promise<number> {
  if (!parts.mails.isOn) return 0;
  for (const [id, endedAt] of unwritten) {
    await reading(() => mailStore.sent(parts.db, id, endedAt));
    unwritten.delete(id);
  }
  const now = parts.clock.now();
  const claim = { now: new Date(now), until: new Date(now + LEASE_MS), limit: PER_TURN };
  const due = await reading(() => mailStore.claim(parts.db, claim));
  await Promise.all(due.map((mail) => deliver(parts, mail, unwritten)));
  return due.length;
}

async function deliver(parts: DeliverParts, mail: ClaimedMail, unwritten: Unwritten): Promise<void> {
  const { db, clock, log } = parts;
  const { id: mailId, template, attempts: attempt } = mail;
  const result = await parts.mails.send(mail);
  const now = new Date(clock.now());
  if (result.isAccepted) {
    unwritten.set(mailId, now);
    await reading(() => mailStore.sent(db, mailId, now));
    unwritten.delete(mailId);
    log.info({ mailId, template, attempt }, 'mail sent');
    return;
  }
  const runAt = new Date(now.getTime() + BACKOFF.baseMs / 2 + fullJitter(BACKOFF, attempt - 1));
  const isOver = result.isFinal || runAt.getTime() - mail.createdAt.getTime() > GIVE_UP_MS;
  const problem = result.answer;
  log.warn({ mailId, template, attempt, problem, isOver }, 'mail not sent');
  if (!isOver) return reading(() => mailStore.again(db, mailId, { runAt, problem }));
  await inTransaction(db, async (tx) => {
    if (await mailStore.givenUp(tx, mailId, { endedAt: now, problem })) {
      await parts.onGivenUp(tx, { id: mailId, template, problem });
    }
  });
}

/** Forgets what was sent, or given up, a month ago. */
export function sweepMails({ db, clock }: Pick<DeliverParts, 'db' | 'clock'>): Promise<void> {
  return reading(() => mailStore.sweep(db, new Date(clock.now() - KEEP_DAYS * 86_400_000)));
}
