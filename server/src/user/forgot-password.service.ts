/**
 * A new password for whoever has forgotten the present one, by a link that is mailed. Who asks gets the same answer at once
 * whether the user is known or not; the work is done afterwards. The link sets a password and signs nobody in, so that a
 * second factor is still asked for. See decision 0019 for who may.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { ANONYMOUS } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { type Language, languageOf } from '../mail/language.ts';
import type { MailService } from '../mail/mail.service.ts';
import { TEMPLATES } from '../mail/templates.ts';
import { parseInput } from '../parse-input.ts';
import { RateLimit } from '../rate-limit.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import { mailCodeStore } from './mail-code.store.ts';
import type { Device } from './session.service.ts';
import type { SignInAttempts } from './sign-in-attempts.ts';
import { newPasswordSchema, type UserService } from './user.service.ts';

const LINK_SECONDS = 3600;
/** Links that are good at the same time; more are somebody who annoys. */
const MAX_OPEN = 3;
/** Of one address, whoever is named. */
const ASKS = { max: 10, windowSeconds: 900 };

const resetSchema = z.object({ password: newPasswordSchema });

export class ForgotPasswordService {
  readonly #parts: ForgotPasswordParts;
  readonly #db: Db;
  readonly #asks: RateLimit;

  constructor(parts: ForgotPasswordParts) {
    this.#parts = parts;
    this.#db = parts.db;
    this.#asks = new RateLimit({ ...ASKS, clock: parts.clock });
  }

  get isOffered(): boolean {
    return this.#parts.mails.isOn;
  }

  /** `who` is a login or an address. Throws RATE_LIMITED, and WRONG_STATE without mail: neither tells of any user. */
  ask(who: string, from: Device & { language: Language }): void {
    if (!this.isOffered) {
      throw new AppError({
        code: 'WRONG_STATE',
        message: 'there is no mail here: ask an administrator for a new password',
      });
    }
    this.#asks.check(from.address);
    this.#asks.count(from.address);
    this.#mailLink(who.trim(), from.language).catch((err: unknown) =>
      this.#parts.log.error({ err }, 'no link was mailed'),
    );
  }

  /** Ends all sessions and all other links. Throws UNAUTHENTICATED for a link that opens nothing, or INVALID_INPUT. */
  async reset(code: string, input: z.input<typeof resetSchema>, from: Device): Promise<void> {
    const attempt = this.#parts.attempts.begin(from.address, null);
    const { password } = parseInput(resetSchema, input);
    const passwordHash = await this.#parts.users.hash(password);
    const codeHash = hashSecret(code);
    const now = new Date(this.#parts.clock.now());
    const owner = await inTransaction(this.#db, async (tx) => {
      const used = await mailCodeStore.use(tx, { codeHash, purpose: 'password', now });
      if (!used) return null;
      const user = await this.#parts.users.replacePassword(tx, used.userId as UserId, passwordHash);
      await mailCodeStore.endAll(tx, user.id, 'password', now);
      return user;
    });
    const act = {
      action: 'resetOwnPassword',
      actor: ANONYMOUS,
      from: { address: from.address || null, requestId: null },
    };
    if (owner) return this.#parts.audit.record({ ...act, as: { userId: owner.id, login: owner.login } }, 'done');
    attempt.failed();
    await this.#parts.audit.record(act, 'UNAUTHENTICATED');
    const message = 'this link was used before or is too old: ask for a new one';
    throw new AppError({ code: 'UNAUTHENTICATED', message });
  }

  sweep(): Promise<void> {
    return reading(() => mailCodeStore.sweep(this.#db, new Date(this.#parts.clock.now())));
  }

  async #mailLink(who: string, browserLanguage: Language): Promise<void> {
    await inTransaction(this.#db, async (tx) => {
      for (const user of await this.#parts.users.whoIs(tx, who)) {
        const { id, login, email, emailVerifiedAt, passwordHash, disabledAt, kind } = user;
        if (email === null || emailVerifiedAt === null || disabledAt !== null || kind !== 'person') continue;
        const language = user.language === null ? browserLanguage : languageOf(user.language);
        if (passwordHash === null && (await this.#parts.hasOtherWay(tx, id))) {
          const content = TEMPLATES.noPassword[language]({ login, path: '/sign-in' });
          await this.#parts.mails.enqueue(tx, 'noPassword', { to: email, language, content });
          continue;
        }
        await this.#parts.users.lock(tx, id);
        const now = new Date(this.#parts.clock.now());
        if ((await mailCodeStore.countOpen(tx, id, 'password', now)) >= MAX_OPEN) continue;
        const code = newSecret();
        const expiresAt = new Date(now.getTime() + LINK_SECONDS * 1000);
        await mailCodeStore.insert(tx, {
          codeHash: hashSecret(code),
          userId: id,
          purpose: 'password',
          value: null,
          expiresAt,
        });
        const content = TEMPLATES.forgotPassword[language]({ login, path: `/reset?code=${code}` });
        await this.#parts.mails.enqueue(tx, 'forgotPassword', { to: email, language, content });
      }
    });
  }
}

interface ForgotPasswordParts {
  db: Db;
  clock: Clock;
  log: Log;
  users: UserService;
  mails: MailService;
  attempts: SignInAttempts;
  audit: AuditService;
  /** Whether the user can sign in without a password of ours. */
  hasOtherWay: (tx: Tx, userId: UserId) => Promise<boolean>;
}
