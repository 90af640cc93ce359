/**
 * Tells people what has happened: a line in the inbox, in the transaction of the act itself, and a mail, where there is mail
 * and the person wants it there. What is told is one of a closed table (kinds.ts).
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Notification } from '../generated/prisma/client.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { languageOf } from '../mail/language.ts';
import type { MailService } from '../mail/mail.service.ts';
import { parseInput } from '../parse-input.ts';
import { may } from '../rights/may.ts';
import type { Recipient, UserService } from '../user/user.service.ts';
import { kindOf, NOTIFICATION_KINDS, type NotificationKind, type ValuesOf } from './kinds.ts';
import { notificationStore } from './notification.store.ts';
import { mailOf } from './say.ts';

export type Telling = {
  [K in NotificationKind]: {
    kind: K;
    /** What it is about, and where its link leads. */
    thingId?: string;
    values: ValuesOf<K>;
    /** The same key is told to the same person once. */
    key?: string;
  };
}[NotificationKind] &
  ({ userId: UserId } | { everyAdministrator: true });

export interface Preference {
  kind: NotificationKind;
  isInbox: boolean;
  isMail: boolean;
}

export const preferenceSchema = z.object({
  kind: z.enum(NOTIFICATION_KINDS as [NotificationKind, ...NotificationKind[]]),
  isInbox: z.boolean(),
  isMail: z.boolean(),
});

const KEEP_DAYS = 90;

export class NotificationService {
  readonly #parts: NotificationServiceParts;
  readonly #db: Db;

  constructor(parts: NotificationServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Tells when, and only when, the transaction commits. Whoever is disabled, or no person, is told nothing. */
  async tell(tx: Tx, telling: Telling): Promise<void> {
    const recipients =
      'userId' in telling
        ? [await this.#parts.users.recipient(tx, telling.userId)].filter((one) => one !== null)
        : await this.#parts.users.administrators(tx);
    const chosen = await notificationStore.preferences(
      tx,
      recipients.map(({ id }) => id),
    );
    const { kind, thingId = null, key = null, values } = telling;
    for (const recipient of recipients) {
      const mine = chosen.find((row) => row.userId === recipient.id && row.kind === kind);
      const { isInbox, isMail } = kindOf(kind).isMandatory || !mine ? kindOf(kind).byDefault : mine;
      if (!isInbox && !isMail) continue;
      const row = { userId: recipient.id, kind, key, thingId, values, createdAt: this.#now(), isHidden: !isInbox };
      if (!(await notificationStore.insert(tx, row))) continue;
      if (isMail) await this.#mail(tx, recipient, { kind, thingId, values });
      if (isInbox) await notifyInTransaction(tx, { inboxes: [recipient.id] });
    }
  }

  /** The same in a transaction of its own, for what has no act. */
  tellNow(telling: Telling): Promise<void> {
    return inTransaction(this.#db, (tx) => this.tell(tx, telling));
  }

  page(actor: Actor, query: Parameters<typeof notificationStore.page>[1], isUnread: boolean): Promise<Notification[]> {
    return reading(() => notificationStore.page(this.#db, query, { userId: asUser(actor).userId, isUnread }));
  }

  countUnread(actor: Actor): Promise<number> {
    return reading(() => notificationStore.countUnread(this.#db, asUser(actor).userId));
  }

  newestUnread(actor: Actor): Promise<Notification | null> {
    return reading(() => notificationStore.newest(this.#db, asUser(actor).userId));
  }

  /** Throws NOT_FOUND for somebody else's. */
  async setRead(actor: Actor, id: string, isRead: boolean): Promise<Notification> {
    const { userId } = asUser(actor);
    return inTransaction(this.#db, async (tx) => {
      const row = await notificationStore.setRead(tx, id, { userId, readAt: isRead ? this.#now() : null });
      if (!row) throw notFound('notification');
      await notifyInTransaction(tx, { inboxes: [userId] });
      return row;
    });
  }

  /** Gives how many were unread. */
  async setAllRead(actor: Actor): Promise<number> {
    const { userId } = asUser(actor);
    return inTransaction(this.#db, async (tx) => {
      const count = await notificationStore.setAllRead(tx, userId, this.#now());
      if (count > 0) await notifyInTransaction(tx, { inboxes: [userId] });
      return count;
    });
  }

  /** One for each kind that can concern the user, with what is chosen or the default. */
  async preferences(actor: Actor): Promise<Preference[]> {
    const { userId } = asUser(actor);
    const rows = await reading(() => notificationStore.preferences(this.#db, [userId]));
    const kinds = NOTIFICATION_KINDS.filter((kind) => !kindOf(kind).isForAdministrators || may(actor, 'mail.inspect'));
    return kinds.map((kind) => {
      const { isMandatory, byDefault } = kindOf(kind);
      const row = rows.find((one) => one.kind === kind);
      const { isInbox, isMail } = isMandatory || !row ? byDefault : row;
      return { kind, isInbox, isMail };
    });
  }

  /** Throws WRONG_STATE for a kind that may not be switched off. */
  async setPreference(actor: Actor, input: z.input<typeof preferenceSchema>): Promise<Preference> {
    const { userId } = asUser(actor);
    const preference = parseInput(preferenceSchema, input);
    if (kindOf(preference.kind).isMandatory) {
      throw new AppError({ code: 'WRONG_STATE', message: 'this is always told: it guards your account or your work' });
    }
    await inTransaction(this.#db, (tx) => notificationStore.setPreference(tx, { userId, ...preference }));
    return preference;
  }

  /** Forgets what is three months old, read or not. */
  sweep(): Promise<void> {
    return reading(() => notificationStore.sweep(this.#db, new Date(this.#parts.clock.now() - KEEP_DAYS * 86_400_000)));
  }

  async #mail(tx: Tx, { verifiedEmail, language: word }: Recipient, told: Parameters<typeof mailOf>[0]): Promise<void> {
    // Nobody knows who reads an address that was never confirmed.
    if (verifiedEmail === null) return;
    const language = languageOf(word);
    await this.#parts.mails.enqueue(tx, told.kind, { to: verifiedEmail, language, content: mailOf(told, language) });
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

interface NotificationServiceParts {
  db: Db;
  clock: Clock;
  users: Pick<UserService, 'recipient' | 'administrators'>;
  mails: MailService;
}
