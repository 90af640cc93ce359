/**
 * Signing in with what this installation keeps itself.
 *
 * A password that is right opens a session only where there is nothing else to ask. Otherwise it makes a *half-open
 * sign-in*: a row and a cookie of this browser, for minutes, that open one thing, the next step. With a second factor that
 * is the factor; without one, where the rules want one, its set-up. A passkey needs no password: it is something that the
 * user has, and it has verified him.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { type Actor, asUser } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import type { HalfOpenSignIn } from '../generated/prisma/client.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { Device, NewSession, SessionService, SignInMethod } from '../user/session.service.ts';
import type { UserService } from '../user/user.service.ts';
import { FactorAttempts } from './factor-attempts.ts';
import type { FactorPolicyService } from './factor-policy.service.ts';
import { halfOpenStore, type Step } from './half-open.store.ts';
import type { PasskeyService } from './passkey.service.ts';
import type { RelyingParty } from './relying-party.ts';
import type { SecondFactorService, Way } from './second-factor.service.ts';

/** To find the phone, or to set up an app. */
export const HALF_OPEN_SECONDS = 600;
/** Wrong codes of one half-open sign-in; afterwards the password is asked again. */
const MAX_TRIES = 5;

/** A session, or what comes before it. */
export type Opened = { session: NewSession } | { halfOpen: string; step: Step; ways: Way[] };

interface LocalSignInParts {
  db: Db;
  clock: Clock;
  users: UserService;
  sessions: SessionService;
  factors: SecondFactorService;
  passkeys: PasskeyService;
  policy: FactorPolicyService;
}

export class LocalSignIn {
  readonly #parts: LocalSignInParts;
  readonly #db: Db;
  readonly #attempts: FactorAttempts;

  constructor(parts: LocalSignInParts) {
    this.#parts = parts;
    this.#db = parts.db;
    this.#attempts = new FactorAttempts(parts.clock);
  }

  /** Throws UNAUTHENTICATED or RATE_LIMITED. */
  async withPassword(given: { login: string; password: string }, from: Device): Promise<Opened> {
    const { userId, open } = await this.#parts.sessions.verifyPassword(given, from);
    // A directory answers for its people as a provider does; but whoever has a second factor here is asked for it.
    if (open && (await this.#parts.factors.ways(userId)).length === 0) return { session: await open(from) };
    return this.next(userId, from, 'password');
  }

  /** By a one-time code. Throws UNAUTHENTICATED or RATE_LIMITED. */
  async withCode(code: string, from: Device): Promise<Opened> {
    const { userId, asksSecondFactor } = await this.#parts.sessions.useCode(code, from);
    if (asksSecondFactor) return this.next(userId, from, 'link');
    return { session: await this.#parts.sessions.open(userId, from, { method: 'link' }) };
  }

  /** What comes after the first step, which the caller has seen. */
  async next(userId: UserId, from: Device, method: SignInMethod): Promise<Opened> {
    const { factors, policy, sessions } = this.#parts;
    const ways = await factors.ways(userId);
    if (ways.length > 0) return this.#halfOpen(userId, 'secondFactor', { ways, method });
    if (await policy.requires(userId)) return this.#halfOpen(userId, 'setUp', { ways, method });
    return { session: await sessions.open(userId, from, { method }) };
  }

  /** What a browser that comes back has before it; null when that was too long ago. */
  async stepOf(secret: string): Promise<{ step: Step; ways: Way[] } | null> {
    const row = await this.#find(secret);
    if (!row) return null;
    return { step: row.step as Step, ways: await this.#parts.factors.ways(row.userId as UserId) };
  }

  /** By a code of an app, or a recovery code. Throws UNAUTHENTICATED or RATE_LIMITED. */
  async withSecondFactor(secret: string, code: string, from: Device): Promise<NewSession> {
    const row = await this.#mustFind(secret, 'secondFactor');
    const userId = row.userId as UserId;
    const attempt = this.#attempts.begin(from.address, userId);
    const limit = { now: this.#now(), max: MAX_TRIES };
    if (!(await reading(() => halfOpenStore.countTry(this.#db, row.secretHash, limit)))) throw tooLate();
    if (!(await this.#parts.factors.takeCode(userId, code))) {
      await this.#failed(userId, from);
      throw wrongCode();
    }
    attempt.succeeded();
    return this.#finish(row, from);
  }

  /** What the browser asks an authenticator for: this user's after his password, else whoever answers. */
  async passkeyOptions(secret: string, party: RelyingParty) {
    const row = await this.#find(secret);
    const userId = row?.step === 'secondFactor' ? (row.userId as UserId) : null;
    const purpose = userId === null ? 'signIn' : 'secondFactor';
    return this.#parts.passkeys.requestOptions({ purpose, holder: hashSecret(secret), party }, userId);
  }

  /** Throws UNAUTHENTICATED or RATE_LIMITED. */
  async withPasskey(
    secret: string,
    given: { response: unknown; party: RelyingParty },
    from: Device,
  ): Promise<NewSession> {
    const row = await this.#find(secret);
    const expected = row?.step === 'secondFactor' ? (row.userId as UserId) : null;
    const attempt = this.#attempts.begin(from.address, expected ?? from.address);
    const purpose = expected === null ? 'signIn' : 'secondFactor';
    const asked = { purpose, holder: hashSecret(secret), party: given.party } as const;
    try {
      const { userId } = await this.#parts.passkeys.verify(asked, given.response);
      if (expected !== null && userId !== expected) throw wrongCode();
      attempt.succeeded();
      if (row && expected !== null) return await this.#finish(row, from);
      return await this.#parts.sessions.open(userId, from, { method: 'passkey' });
    } catch (err) {
      if (err instanceof AppError && err.code === 'UNAUTHENTICATED') await this.#failed(expected, from);
      throw err;
    }
  }

  /** Who may set up his first factor now, because he may do nothing else. Throws UNAUTHENTICATED. */
  async settingUp(secret: string): Promise<UserId> {
    return (await this.#mustFind(secret, 'setUp')).userId as UserId;
  }

  /** Once he has set it up. */
  async finishSetUp(secret: string, from: Device): Promise<NewSession> {
    return this.#finish(await this.#mustFind(secret, 'setUp'), from);
  }

  /** Proves anew that it is the user of this session. The password is enough where there is no second factor alone. */
  async prove(actor: Actor, given: { password: string } | { code: string }, from: Device): Promise<void> {
    const { userId, credential, login } = asUser(actor);
    const { factors, sessions, users } = this.#parts;
    const attempt = this.#attempts.begin(from.address, userId);
    const isRight =
      'code' in given
        ? await factors.takeCode(userId, given.code)
        : !(await factors.hasAny(userId)) && (await users.withPassword(login, given.password)) !== null;
    if (!isRight) throw notProved('password' in given);
    attempt.succeeded();
    await sessions.setProved(credential.id);
  }

  async proveOptions(actor: Actor, party: RelyingParty) {
    const { userId, credential } = asUser(actor);
    return this.#parts.passkeys.requestOptions({ purpose: 'proof', holder: credential.id, party }, userId);
  }

  async proveByPasskey(actor: Actor, given: { response: unknown; party: RelyingParty }): Promise<void> {
    const { userId, credential } = asUser(actor);
    const asked = { purpose: 'proof', holder: credential.id, party: given.party } as const;
    if ((await this.#parts.passkeys.verify(asked, given.response)).userId !== userId) throw notProved(false);
    await this.#parts.sessions.setProved(credential.id);
  }

  /** Forgets what nobody came back to. */
  sweep(): Promise<void> {
    return reading(() => halfOpenStore.sweep(this.#db, this.#now()));
  }

  async #halfOpen(
    userId: UserId,
    step: Step,
    { ways, method }: { ways: Way[]; method: SignInMethod },
  ): Promise<Opened> {
    const halfOpen = newSecret();
    const expiresAt = new Date(this.#parts.clock.now() + HALF_OPEN_SECONDS * 1000);
    const row = { secretHash: hashSecret(halfOpen), userId, step, method, expiresAt };
    await reading(() => halfOpenStore.insert(this.#db, row));
    return { halfOpen, step, ways };
  }

  /** Used up by the first that comes through. */
  async #finish({ secretHash, userId, method }: HalfOpenSignIn, from: Device): Promise<NewSession> {
    if (!(await inTransaction(this.#db, (tx) => halfOpenStore.take(tx, secretHash)))) throw tooLate();
    return this.#parts.sessions.open(userId as UserId, from, { method: method as SignInMethod });
  }

  #find(secret: string): Promise<HalfOpenSignIn | null> {
    return reading(() => halfOpenStore.find(this.#db, hashSecret(secret), this.#now()));
  }

  async #mustFind(secret: string, step: Step): Promise<HalfOpenSignIn> {
    const row = await this.#find(secret);
    if (row?.step !== step) throw tooLate();
    return row;
  }

  async #failed(userId: UserId | null, from: Device): Promise<void> {
    const { sessions, users } = this.#parts;
    await sessions.failed(from, userId === null ? null : (await users.get(userId)).login);
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

function tooLate(): AppError {
  return new AppError({ code: 'UNAUTHENTICATED', message: 'this took too long, or too many tries: sign in again' });
}

function wrongCode(): AppError {
  return new AppError({
    code: 'UNAUTHENTICATED',
    message: 'this code is not right, or was used already: wait for the next one',
  });
}

function notProved(isByPassword: boolean): AppError {
  const message = isByPassword
    ? 'the password is not right, or not enough: whoever has a second factor proves by that'
    : 'this code is not right, or was used already: wait for the next one';
  return new AppError({ code: 'FORBIDDEN', message });
}
