/** Users: people who sign in, and service accounts. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { NamespaceId, UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, type Reader, reading, type Tx, uniqueViolation } from '../db.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import { parseInput } from '../parse-input.ts';
import { administrators } from '../rights/administrators.ts';
import type { NamespaceRole } from '../rights/roles.ts';
import { hashPassword, isPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from './password.ts';
import { mustBeProved } from './proof.ts';
import type { SignInAttempts } from './sign-in-attempts.ts';
import { type NewUser, userStore } from './user.store.ts';
import type { UserRow } from './user-row.ts';

export const newPasswordSchema = z
  .string()
  .min(MIN_PASSWORD_LENGTH, `a password has at least ${MIN_PASSWORD_LENGTH} characters`)
  .max(MAX_PASSWORD_LENGTH, `a password has at most ${MAX_PASSWORD_LENGTH} characters`);

export const setPasswordSchema = z.object({
  current: z.string().max(MAX_PASSWORD_LENGTH).nullish(),
  password: newPasswordSchema,
});

/** Somebody who can be told something. */
export interface Recipient {
  id: UserId;
  login: string;
  /** Null: there is none that anybody has confirmed. */
  verifiedEmail: string | null;
  language: string | null;
}

export class UserService {
  readonly #db: Db;
  readonly #namespaces: NamespaceService;
  readonly #clock: Clock;
  readonly #attempts: SignInAttempts;
  readonly #hasSecondFactor: (userId: UserId) => Promise<boolean>;
  readonly #onCreated: (tx: Tx, user: UserRow) => Promise<void>;
  readonly #onPasswordChanged: (tx: Tx, userId: UserId, keepSessionId: string | null) => Promise<void>;

  constructor(parts: {
    db: Db;
    clock: Clock;
    attempts: SignInAttempts;
    /** The present password alone then proves nothing. */
    hasSecondFactor: (userId: UserId) => Promise<boolean>;
    namespaces: NamespaceService;
    /** Tells that there is somebody new, in the same transaction. */
    onCreated: (tx: Tx, user: UserRow) => Promise<void>;
    /** Ends the user's other sessions: whoever knew the old password is out. */
    onPasswordChanged: (tx: Tx, userId: UserId, keepSessionId: string | null) => Promise<void>;
  }) {
    this.#db = parts.db;
    this.#namespaces = parts.namespaces;
    this.#clock = parts.clock;
    this.#attempts = parts.attempts;
    this.#hasSecondFactor = parts.hasSecondFactor;
    this.#onCreated = parts.onCreated;
    this.#onPasswordChanged = parts.onPasswordChanged;
  }

  /** Throws NOT_FOUND. */
  async get(id: UserId, db: Reader = this.#db): Promise<UserRow> {
    const row = await reading(() => userStore.find(db, id));
    if (!row) throw notFound('user');
    return row;
  }

  async findByLogin(login: string): Promise<UserRow | null> {
    // PostgreSQL refuses the text.
    if (login.includes('\0')) return null;
    return reading(() => userStore.findByLogin(this.#db, login));
  }

  /** The user whose login and password these are, or null. */
  async withPassword(login: string, password: string): Promise<UserRow | null> {
    const row = await this.findByLogin(login);
    const isRight = await isPassword(password, row?.passwordHash ?? null);
    return isRight && row?.disabledAt === null ? row : null;
  }

  /**
   * Sets the first password, or changes it; then the present one must be given. Throws PROOF_NEEDED where that is not enough:
   * for a first password, and of whoever has a second factor.
   */
  async setPassword(actor: Actor, input: z.input<typeof setPasswordSchema>): Promise<UserRow> {
    const { userId, credential } = asUser(actor);
    const { current, password } = parseInput(setPasswordSchema, input);
    await this.mustBeHe(actor, current ?? '');
    const passwordHash = await hashPassword(password);
    return inTransaction(this.#db, async (tx) => {
      const changed = await userStore.setPasswordHash(tx, userId, passwordHash);
      await this.#onPasswordChanged(tx, userId, credential.kind === 'session' ? credential.id : null);
      return changed;
    });
  }

  async #mustKnow(row: UserRow, password: string): Promise<void> {
    const attempt = this.#attempts.begin('', row.login);
    if (await isPassword(password, row.passwordHash)) return;
    attempt.failed();
    throw new AppError({ code: 'FORBIDDEN', message: 'the present password is not right' });
  }

  /** `namespaceId`: where the role is meant; the default one when left out. Throws NAME_TAKEN. */
  async insert(
    tx: Tx,
    user: NewUser & { role: NamespaceRole | null; namespaceId?: NamespaceId | null },
  ): Promise<UserRow> {
    const { role, namespaceId: given, ...plain } = user;
    const namespaceId = given ?? (await this.#namespaces.defaultId());
    if (await userStore.findByLogin(tx, user.login)) throw loginTaken(user.login);
    try {
      const row = await userStore.insert(tx, plain);
      await this.#namespaces.setRole(tx, { namespaceId, userId: row.id }, role);
      await this.#onCreated(tx, row);
      return row;
    } catch (err) {
      if (uniqueViolation(err) === null) throw err;
      throw loginTaken(user.login);
    }
  }

  async isTaken(tx: Tx, login: string): Promise<boolean> {
    return (await userStore.findByLogin(tx, login)) !== null;
  }

  async isDisabled(tx: Tx, id: UserId): Promise<boolean> {
    return (await userStore.find(tx, id))?.disabledAt !== null;
  }

  /**
   * What could lock the user out takes his password. Throws FORBIDDEN when it is not this one, and PROOF_NEEDED where it is not
   * enough: without a password, and of whoever has a second factor.
   */
  async mustBeHe(actor: Actor, password: string): Promise<void> {
    const { userId } = asUser(actor);
    const row = await this.get(userId);
    if (row.passwordHash !== null) await this.#mustKnow(row, password);
    if (row.passwordHash !== null && !(await this.#hasSecondFactor(userId))) return;
    mustBeProved(actor, this.#clock.now());
  }

  /** Whoever has this login, or else those whose confirmed address it is. */
  async whoIs(tx: Tx, text: string): Promise<UserRow[]> {
    const user = await userStore.findByLogin(tx, text);
    return user ? [user] : userStore.findByEmail(tx, text);
  }

  /** Another password, proved by other means than the present one; ends all sessions. */
  async replacePassword(tx: Tx, id: UserId, passwordHash: string): Promise<UserRow> {
    const row = await userStore.setPasswordHash(tx, id, passwordHash);
    await this.#onPasswordChanged(tx, id, null);
    return row;
  }

  /** Null for whoever is disabled, and for service accounts. */
  async recipient(tx: Tx, id: UserId): Promise<Recipient | null> {
    const row = await userStore.findReached(tx, id);
    return row && recipientOf(row);
  }

  /** The system administrators who can be told something. */
  async administrators(tx: Tx): Promise<Recipient[]> {
    return (await userStore.findAllReached(tx, await administrators(tx))).map(recipientOf);
  }

  /** People who have this e-mail address, whatever its case. */
  withEmail(db: Reader, email: string): Promise<UserRow[]> {
    return userStore.findByEmail(db, email);
  }

  hash(password: string): Promise<string> {
    return hashPassword(password);
  }

  /** Serialises what must be counted per user, until the end of the transaction. */
  lock(tx: Tx, id: UserId): Promise<void> {
    return userStore.lock(tx, id);
  }

  /** The local administrator, who is there from the first start. */
  async ensureAdministrator(login: string): Promise<UserRow> {
    return inTransaction(this.#db, (tx) => userStore.ensureAdministrator(tx, login, 'Administrator'));
  }

  /** The same, and able to administer again, whatever was done to him: for whoever may run commands beside the server. */
  async restoreAdministrator(login: string): Promise<UserRow> {
    const row = await this.ensureAdministrator(login);
    await inTransaction(this.#db, (tx) => userStore.restoreAdministrator(tx, row.id));
    return row;
  }
}

function recipientOf({ id, login, email, emailVerifiedAt, language }: UserRow): Recipient {
  return { id, login, verifiedEmail: emailVerifiedAt === null ? null : email, language };
}

function loginTaken(login: string): AppError {
  return new AppError({ code: 'NAME_TAKEN', message: `there is already a user "${login}": choose another login` });
}
