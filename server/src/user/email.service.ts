/**
 * A person's own e-mail address. It counts once somebody has opened the link that was mailed to it, signed in as that very
 * user: only then is it mailed anything personal, or compared with what a sign-in provider says.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { z } from 'zod';
import { type Actor, asUser } from '../actor.ts';
import { type Db, inTransaction } from '../db.ts';
import { addressSchema } from '../mail/address.ts';
import { LANGUAGES, languageOf } from '../mail/language.ts';
import type { MailService } from '../mail/mail.service.ts';
import { TEMPLATES } from '../mail/templates.ts';
import { parseInput } from '../parse-input.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import { mailCodeStore } from './mail-code.store.ts';
import { MAX_PASSWORD_LENGTH } from './password.ts';
import type { UserService } from './user.service.ts';
import { userStore } from './user.store.ts';
import type { UserRow } from './user-row.ts';

export const setEmailSchema = z.object({
  /** Null takes the present one away. */
  email: addressSchema.nullish().transform((email) => email ?? null),
  /** Whoever can change the address can get a new password by it. */
  password: z.string().max(MAX_PASSWORD_LENGTH).nullish(),
});

const languageSchema = z.enum(LANGUAGES).nullish();

const LINK_SECONDS = 86_400;
const MAX_OPEN = 5;

export class EmailService {
  readonly #parts: EmailServiceParts;
  readonly #db: Db;

  constructor(parts: EmailServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /**
   * With mail, a link goes to the new address, and the present one stays until it is opened. Without, the address is kept as
   * one that nobody has confirmed. Throws FORBIDDEN, PROOF_NEEDED or QUOTA_EXCEEDED.
   */
  async set(actor: Actor, input: z.input<typeof setEmailSchema>): Promise<{ user: UserRow; isMailed: boolean }> {
    const { userId, credential } = asUser(actor);
    const { email, password } = parseInput(setEmailSchema, input);
    if (credential.kind !== 'session') {
      throw new AppError({ code: 'FORBIDDEN', message: 'an address is changed in a browser: tokens may not' });
    }
    await this.#parts.users.mustBeHe(actor, password ?? '');
    return inTransaction(this.#db, async (tx) => {
      const user = await this.#parts.users.get(userId, tx);
      if (email === null || !this.#parts.mails.isOn) {
        const isSame = email !== null && email === user.email;
        return {
          user: isSame ? user : await this.#replace(tx, user, { email, emailVerifiedAt: null }),
          isMailed: false,
        };
      }
      const now = new Date(this.#parts.clock.now());
      await this.#parts.users.lock(tx, userId);
      if ((await mailCodeStore.countOpen(tx, userId, 'email', now)) >= MAX_OPEN) {
        const message = `${MAX_OPEN} links were mailed within a day already: open one of them, or try again tomorrow`;
        throw new AppError({ code: 'QUOTA_EXCEEDED', message });
      }
      const code = newSecret();
      const expiresAt = new Date(now.getTime() + LINK_SECONDS * 1000);
      await mailCodeStore.insert(tx, { codeHash: hashSecret(code), userId, purpose: 'email', value: email, expiresAt });
      const language = languageOf(user.language);
      const content = TEMPLATES.confirmEmail[language]({
        login: user.login,
        path: `/settings/notifications?code=${code}`,
      });
      const isMailed = await this.#parts.mails.enqueue(tx, 'confirmEmail', { to: email, language, content });
      return { user, isMailed };
    });
  }

  /** Throws NOT_FOUND for a link that is not this user's, was used or is too old. */
  async confirm(actor: Actor, code: string): Promise<UserRow> {
    const { userId } = asUser(actor);
    const now = new Date(this.#parts.clock.now());
    return inTransaction(this.#db, async (tx) => {
      const used = await mailCodeStore.use(tx, { codeHash: hashSecret(code), purpose: 'email', now, userId });
      if (!used) {
        const message = 'this link is for another user, was used before, or is too old: have a new one mailed';
        throw new AppError({ code: 'NOT_FOUND', message });
      }
      await mailCodeStore.endAll(tx, userId, 'email', now);
      return this.#replace(tx, await this.#parts.users.get(userId, tx), { email: used.value, emailVerifiedAt: now });
    });
  }

  /** Null: English, or what the browser asks for where there is one. */
  async setLanguage(actor: Actor, language: string | null): Promise<UserRow> {
    const { userId } = asUser(actor);
    const chosen = parseInput(languageSchema, language) ?? null;
    return inTransaction(this.#db, (tx) => userStore.update(tx, userId, { language: chosen }));
  }

  async #replace(
    tx: Parameters<typeof userStore.update>[0],
    before: UserRow,
    after: Pick<UserRow, 'email' | 'emailVerifiedAt'>,
  ): Promise<UserRow> {
    const { email, emailVerifiedAt, login } = before;
    if (email !== null && emailVerifiedAt !== null && email !== after.email) {
      const language = languageOf(before.language);
      const content = TEMPLATES.emailChanged[language]({ login });
      await this.#parts.mails.enqueue(tx, 'emailChanged', { to: email, language, content });
    }
    return userStore.update(tx, before.id, after);
  }
}

interface EmailServiceParts {
  db: Db;
  clock: Clock;
  users: UserService;
  mails: MailService;
}
