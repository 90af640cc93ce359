/** Accounts of providers that a user signs in by: shown, and unlinked by the user or by an administrator. */
import { AppError } from '@easel/schema/errors';
import { isId, type UserId } from '@easel/schema/ids';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { mustMay } from '../rights/may.ts';
import type { SessionService } from '../user/session.service.ts';
import type { UserService } from '../user/user.service.ts';
import { signInStore } from './sign-in.store.ts';

export type LinkedAccountRow = Awaited<ReturnType<typeof signInStore.identitiesOf>>[number];

interface IdentityServiceParts {
  db: Db;
  users: UserService;
  sessions: SessionService;
  hasPasskey: (userId: UserId) => Promise<boolean>;
}

export class IdentityService {
  readonly #parts: IdentityServiceParts;
  readonly #db: Db;

  constructor(parts: IdentityServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Of the user who asks, unless another is named. Throws FORBIDDEN. */
  list(actor: Actor, userId: string | null): Promise<LinkedAccountRow[]> {
    const ownerId = this.#owner(actor, userId);
    mustMay(actor, 'user.read', { ownerId });
    return reading(() => signInStore.identitiesOf(this.#db, ownerId));
  }

  /**
   * Ends the sessions that came by it, too. Nobody takes his own last way in from himself; an administrator may take it from
   * others. Throws NOT_FOUND, FORBIDDEN or WRONG_STATE.
   */
  async unlink(
    actor: Actor,
    of: { moduleId: string; subject: string; userId: string | null },
  ): Promise<LinkedAccountRow> {
    const { moduleId, subject } = of;
    const userId = this.#owner(actor, of.userId);
    mustMay(actor, 'account.unlink', { ownerId: userId });
    return inTransaction(this.#db, async (tx) => {
      // Two at once would each leave the other's.
      await this.#parts.users.lock(tx, userId);
      const all = await signInStore.identitiesOf(tx, userId);
      const row = all.find((identity) => identity.moduleId === moduleId && identity.subject === subject);
      if (!row) throw notFound('linked account');
      if (asUser(actor).userId === userId) await this.#refuseLast(tx, userId, all.length - 1);
      await signInStore.deleteIdentity(tx, { moduleId, subject, userId });
      await this.#parts.sessions.revokeOfModule(tx, moduleId, userId);
      return row;
    });
  }

  async #refuseLast(tx: Tx, userId: UserId, othersCount: number): Promise<void> {
    if (othersCount > 0 || (await this.#parts.users.get(userId, tx)).passwordHash !== null) return;
    if (await this.#parts.hasPasskey(userId)) return;
    throw new AppError({
      code: 'WRONG_STATE',
      message: 'this is your only way in: set a password or link another account first',
    });
  }

  #owner(actor: Actor, userId: string | null): UserId {
    if (userId === null) return asUser(actor).userId;
    if (!isId('user', userId)) throw notFound('user');
    return userId;
  }
}
