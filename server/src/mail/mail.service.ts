/**
 * Mails are written into the outbox in the transaction of the act that they tell of, and sent by a loop (`deliver.ts`): an
 * act that is undone sends nothing, and a mail server that is away holds nobody up. Everything works without mail; then
 * nothing is written at all, and people are given links to pass on.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Mail } from '../generated/prisma/client.ts';
import type { Tried } from '../outbox/outbox.ts';
import { parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import { hashSecret } from '../secrets.ts';
import type { ServerKey } from '../server-key.ts';
import { addressSchema } from './address.ts';
import type { Language } from './language.ts';
import { type MailContent, renderMail } from './layout.ts';
import { mailStore } from './mail.store.ts';
import type { SmtpSettings } from './mail-config.ts';
import { createSmtp, type Message, type Send } from './smtp.ts';
import { TEMPLATES } from './templates.ts';

export interface Envelope {
  to: string;
  language: Language;
  content: MailContent;
}

/** More to one address within an hour are a mistake, or somebody who annoys: they are not sent. */
const MAX_PER_HOUR = 30;
const MAX_TROUBLED = 100;

export type MailStatus = { isOn: boolean; why: string | null; server: string | null; from: string | null } & Awaited<
  ReturnType<typeof mailStore.counts>
>;
export type TroubledMail = Pick<Mail, 'id' | 'template' | 'state' | 'attempts' | 'problem' | 'createdAt'> & {
  to: string | null;
};

export class MailService {
  readonly #parts: MailServiceParts;
  readonly #db: Db;
  readonly #send: Send | null;
  /** Why there is no mail; null when there is. */
  readonly whyOff: string | null;

  constructor(parts: MailServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
    const { smtp, publicUrl } = parts;
    this.whyOff =
      smtp === null
        ? 'No mail server is set: give the server EASEL_SMTP_URL, or EASEL_SMTP_HOST, and EASEL_SMTP_FROM.'
        : publicUrl === null
          ? 'EASEL_PUBLIC_URL is not set: links in mails would lead nowhere.'
          : null;
    this.#send = smtp && publicUrl !== null ? createSmtp(smtp) : null;
  }

  get isOn(): boolean {
    return this.whyOff === null;
  }

  /** Puts a mail into the outbox; false where there is no mail, or too much of it for this address. */
  async enqueue(tx: Tx, template: string, envelope: Envelope): Promise<boolean> {
    if (!this.isOn) return false;
    const now = this.#now();
    const addressHash = hashSecret(envelope.to.toLowerCase());
    if ((await mailStore.countTo(tx, addressHash, new Date(now.getTime() - 3_600_000))) >= MAX_PER_HOUR) return false;
    const id = mailStore.newId();
    const sealed = this.#parts.key.seal(JSON.stringify(envelope), purposeOf(id));
    await mailStore.insert(tx, { id, template, addressHash, sealed, runAt: now, createdAt: now });
    return true;
  }

  /** Makes the message of a row of the outbox and hands it to the mail server. Never throws for what that says. */
  async send(row: Pick<Mail, 'id' | 'sealed'>): Promise<Tried> {
    if (row.sealed === null || !this.#send)
      return { isAccepted: false, answer: this.whyOff ?? 'nothing to send', isFinal: false };
    return this.#send(this.#message(row.id, this.#open(row.id, row.sealed)));
  }

  /** Sends a mail at once and says what the server answered. Throws WRONG_STATE without mail. */
  async sendTest(actor: Actor, to: string): Promise<Tried> {
    mustMay(actor, 'mail.inspect');
    const address = parseInput(addressSchema, to);
    if (!this.#send) throw new AppError({ code: 'WRONG_STATE', message: this.whyOff ?? 'mail is off' });
    return this.#send(
      this.#message(mailStore.newId(), { to: address, language: 'en', content: TEMPLATES.test.en({}) }),
    );
  }

  async status(actor: Actor): Promise<MailStatus> {
    mustMay(actor, 'mail.inspect');
    const { smtp } = this.#parts;
    const dayAgo = new Date(this.#parts.clock.now() - 86_400_000);
    return {
      isOn: this.isOn,
      why: this.whyOff,
      server: smtp && `${smtp.host}:${smtp.port} (${smtp.tls})`,
      from: smtp && `${smtp.from.name} <${smtp.from.address}>`,
      ...(await reading(() => mailStore.counts(this.#db, dayAgo))),
    };
  }

  /** What was given up, and what waits after a try that failed. */
  async troubled(actor: Actor): Promise<TroubledMail[]> {
    mustMay(actor, 'mail.inspect');
    const rows = await reading(() => mailStore.troubled(this.#db, MAX_TROUBLED));
    return rows.map((row) => ({ ...row, to: row.sealed === null ? null : this.#open(row.id, row.sealed).to }));
  }

  /** Throws NOT_FOUND for one that was not given up. */
  async retry(actor: Actor, id: string): Promise<TroubledMail> {
    mustMay(actor, 'mail.inspect');
    const row = await inTransaction(this.#db, (tx) => mailStore.retry(tx, id, this.#now()));
    if (!row) throw notFound('mail that was given up');
    return { ...row, to: row.sealed === null ? null : this.#open(row.id, row.sealed).to };
  }

  #message(id: string, { to, language, content }: Envelope): Message {
    const publicUrl = this.#parts.publicUrl ?? '';
    const domain = this.#parts.smtp?.from.address.split('@')[1] ?? 'localhost';
    return { messageId: `<${id}@${domain}>`, to, ...renderMail(content, { language, publicUrl }) };
  }

  #open(id: string, sealed: string): Envelope {
    return JSON.parse(this.#parts.key.open(sealed, purposeOf(id))) as Envelope;
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

interface MailServiceParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  smtp: SmtpSettings | null;
  publicUrl: string | null;
}

function purposeOf(id: string): string {
  return `mails.sealed ${id}`;
}
