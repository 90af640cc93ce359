/**
 * An outbox: rows that wait in a table until somebody else has taken them, a mail server or whoever listens to a webhook. They
 * are written in the transaction of what they tell of, and sent from here, on every replica. A row is taken with a lease before
 * it is sent, so that it is sent by one at a time; after that only its end is written. If the replica dies between, nobody can
 * say whether it has arrived: it is sent again under the same id, by which the other side drops the second one.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log, LogFields } from '@easel/kit/log';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';

export interface OutboxRow {
  id: string;
  /** This one counted. */
  attempts: number;
  createdAt: Date;
}

/** What came of a try. `isFinal`: another one will get the same answer. */
export type Tried = { isAccepted: true; answer: string } | { isAccepted: false; answer: string; isFinal: boolean };

export interface Outbox<Row extends OutboxRow, Result extends Tried> {
  /** In the log. */
  name: string;
  /** Longer than an answer is waited for: then another replica may take it. */
  leaseMs: number;
  claim(db: Db, claim: { now: Date; until: Date; limit: number }): Promise<Row[]>;
  /** Never throws for what the other side says. */
  send(row: Row): Promise<Result>;
  /** When it is tried again after `attempts` that failed; null gives it up. */
  nextTry(row: Row, now: Date): Date | null;
  sent(db: Db, row: Row, result: Result, endedAt: Date): Promise<void>;
  again(db: Db, row: Row, result: Result, runAt: Date): Promise<void>;
  /** In one transaction with whoever is told of it. */
  givenUp(tx: Tx, row: Row, result: Result, endedAt: Date): Promise<void>;
  /** What its lines in the log say besides. */
  fieldsOf(row: Row): LogFields;
}

export interface OutboxParts {
  db: Db;
  clock: Clock;
  log: Log;
}

/** Ends of rows that the database has not taken yet: those rows must not be sent again by this replica. */
export type Unwritten = Map<string, () => Promise<void>>;

const PER_TURN = 20;

/** Sends what is due; gives how much was tried. */
export async function sendDue<Row extends OutboxRow, Result extends Tried>(
  outbox: Outbox<Row, Result>,
  parts: OutboxParts,
  unwritten: Unwritten,
): Promise<number> {
  const { db, clock } = parts;
  for (const [id, write] of unwritten) {
    await reading(write);
    unwritten.delete(id);
  }
  const now = clock.now();
  const claim = { now: new Date(now), until: new Date(now + outbox.leaseMs), limit: PER_TURN };
  const due = await reading(() => outbox.claim(db, claim));
  await Promise.all(due.map((row) => sendOne(outbox, parts, { row, unwritten })));
  return due.length;
}

async function sendOne<Row extends OutboxRow, Result extends Tried>(
  outbox: Outbox<Row, Result>,
  { db, clock, log }: OutboxParts,
  { row, unwritten }: { row: Row; unwritten: Unwritten },
): Promise<void> {
  const result = await outbox.send(row);
  const now = new Date(clock.now());
  const fields = { ...outbox.fieldsOf(row), attempt: row.attempts };
  if (result.isAccepted) {
    const write = () => outbox.sent(db, row, result, now);
    unwritten.set(row.id, write);
    await reading(write);
    unwritten.delete(row.id);
    log.info(fields, `${outbox.name} sent`);
    return;
  }
  const runAt = result.isFinal ? null : outbox.nextTry(row, now);
  log.warn({ ...fields, problem: result.answer, isOver: runAt === null }, `${outbox.name} not sent`);
  if (runAt) return reading(() => outbox.again(db, row, result, runAt));
  await inTransaction(db, (tx) => outbox.givenUp(tx, row, result, now));
}
