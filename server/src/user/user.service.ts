/** Users: at present the local administrator; a directory comes beside it. */
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { parseInput } from '../parse-input.ts';
import { hashPassword, isPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH } from './password.ts';
import { type UserRow, userStore } from './user.store.ts';

export const setPasswordSchema = z.object({
  current: z.string().max(MAX_PASSWORD_LENGTH).nullish(),
  password: z
    .string()
    .min(MIN_PASSWORD_LENGTH, `a password has at least ${MIN_PASSWORD_LENGTH} characters`)
    .max(MAX_PASSWORD_LENGTH, `a password has at most ${MAX_PASSWORD_LENGTH} characters`),
});

export class UserService {
  readonly #db: Db;
  readonly #onPasswordChanged: (userId: UserId, keepSessionId: string | null) => Promise<void>;

  constructor(parts: {
    db: Db;
    /** Ends the user's other sessions: whoever knew the old password is out. */
    onPasswordChanged: (userId: UserId, keepSessionId: string | null) => Promise<void>;
  }) {
    this.#db = parts.db;
    this.#onPasswordChanged = parts.onPasswordChanged;
  }

  /** Throws NOT_FOUND. */
  async get(id: UserId): Promise<UserRow> {
    const row = await reading(() => userStore.find(this.#db, id));
    if (!row) throw notFound('user');
    return row;
  }

  async findByLogin(login: string): Promise<UserRow | null> {
    return reading(() => userStore.findByLogin(this.#db, login));
  }

  /** The user whose login and password these are, or null. */
  async withPassword(login: string, password: string): Promise<UserRow | null> {
    const row = await this.findByLogin(login);
    return (await isPassword(password, row?.passwordHash ?? null)) ? row : null;
  }

  /** Sets the first password, or changes it; then the present one must be given. */
  async setPassword(actor: Actor, input: z.input<typeof setPasswordSchema>): Promise<UserRow> {
    const { userId, credential } = asUser(actor);
    const { current, password } = parseInput(setPasswordSchema, input);
    const row = await this.get(userId);
    if (row.passwordHash !== null && !(await isPassword(current ?? '', row.passwordHash))) {
      throw new AppError({ code: 'FORBIDDEN', message: 'the present password is not right' });
    }
    const passwordHash = await hashPassword(password);
    const changed = await inTransaction(this.#db, (tx) => userStore.setPasswordHash(tx, userId, passwordHash));
    await this.#onPasswordChanged(userId, credential.kind === 'session' ? credential.id : null);
    return changed;
  }

  /** Serialises what must be counted per user, until the end of the transaction. */
  lock(tx: Tx, id: UserId): Promise<void> {
    return userStore.lock(tx, id);
  }

  /** The local administrator, who is there from the first start. */
  async ensureAdministrator(login: string): Promise<UserRow> {
    return inTransaction(this.#db, (tx) => userStore.ensureAdministrator(tx, login, 'Administrator'));
  }
}
