/** The outbox of mails. One that is sent twice has the same Message-ID, by which mailboxes drop the second one. */
import { type Backoff, fullJitter } from '@easel/kit/backoff';
import type { Clock } from '@easel/kit/clock';
import { type Db, reading, type Tx } from '../db.ts';
import { type Outbox, type OutboxParts, sendDue, type Tried, type Unwritten } from '../outbox/outbox.ts';
import type { MailService } from './mail.service.ts';
import { type ClaimedMail, mailStore } from './mail.store.ts';

/** Longer than the mail server is waited for. */
const LEASE_MS = 5 * 60_000;
/** Retries are spread over a day, then it is given up: who reads of a sign-in from the day before yesterday? */
const GIVE_UP_MS = 24 * 3_600_000;
const BACKOFF: Backoff = { baseMs: 60_000, maxMs: 2 * 3_600_000 };
const KEEP_DAYS = 30;

export interface DeliverParts extends OutboxParts {
  mails: Pick<MailService, 'isOn' | 'send'>;
  /** Tells administrators, in the transaction that gives a mail up. */
  onGivenUp: (tx: Tx, mail: { id: string; template: string; problem: string }) => Promise<void>;
}

/** Gives how many were tried. */
export async function deliverMails(parts: DeliverParts, unwritten: Unwritten): Promise<number> {
  return parts.mails.isOn ? sendDue(outboxOf(parts), parts, unwritten) : 0;
}

function outboxOf({ mails, onGivenUp }: DeliverParts): Outbox<ClaimedMail, Tried> {
  return {
    name: 'mail',
    leaseMs: LEASE_MS,
    claim: (db, claim) => mailStore.claim(db, claim),
    send: (mail) => mails.send(mail),
    nextTry({ attempts, createdAt }, now) {
      const runAt = new Date(now.getTime() + BACKOFF.baseMs / 2 + fullJitter(BACKOFF, attempts - 1));
      return runAt.getTime() - createdAt.getTime() > GIVE_UP_MS ? null : runAt;
    },
    sent: (db, { id }, _result, endedAt) => mailStore.sent(db, id, endedAt),
    again: (db, { id }, { answer: problem }, runAt) => mailStore.again(db, id, { runAt, problem }),
    async givenUp(tx, { id, template }, { answer: problem }, endedAt) {
      if (await mailStore.givenUp(tx, id, { endedAt, problem })) await onGivenUp(tx, { id, template, problem });
    },
    fieldsOf: ({ id: mailId, template }) => ({ mailId, template }),
  };
}

/** Forgets what was sent, or given up, a month ago. */
export function sweepMails({ db, clock }: { db: Db; clock: Clock }): Promise<void> {
  return reading(() => mailStore.sweep(db, new Date(clock.now() - KEEP_DAYS * 86_400_000)));
}
