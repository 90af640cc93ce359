/**
 * The people of a directory (RFC 7644 §3): made, changed and disabled as it says. Whoever it deletes is disabled at once and keeps
 * his environments; if it makes him again, he is the same user. The last administrator stays, whatever it says.
 */
import type { Clock } from '@easel/kit/clock';
import { isId, type UserId } from '@easel/schema/ids';
import { suggestLogin } from '@easel/schema/login';
import type { Actor } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx, uniqueViolation } from '../db.ts';
import { mustMay } from '../rights/may.ts';
import type { UserService } from '../user/user.service.ts';
import type { UserAdminService } from '../user/user-admin.service.ts';
import { scimStore } from './scim.store.ts';
import { noSuch, ScimError } from './scim-error.ts';
import { applyPatch, USER_ATTRIBUTES } from './scim-patch.ts';
import { type Comparison, parseFilter } from './scim-path.ts';
import { idOf, parseUser, type ScimRow, sentOf, userNameOf, type Wanted } from './scim-user.ts';

interface ScimUserServiceParts {
  db: Db;
  clock: Clock;
  users: UserService;
  userAdmin: UserAdminService;
}

export class ScimUserService {
  readonly #parts: ScimUserServiceParts;
  readonly #db: Db;

  constructor(parts: ScimUserServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  list(actor: Actor, filter: string | null, page: { skip: number; take: number }) {
    mustMay(actor, 'user.read');
    const comparisons: Comparison[] = filter === null ? [] : parseFilter(filter);
    return reading(() => scimStore.listUsers(this.#db, comparisons, page));
  }

  async get(actor: Actor, id: string): Promise<ScimRow> {
    mustMay(actor, 'user.read');
    const row = isId('user', id) ? await reading(() => scimStore.findUser(this.#db, id)) : null;
    if (!row) throw noSuch('user');
    return row;
  }

  /** Throws 409 when there is somebody of that name. */
  async create(actor: Actor, body: unknown): Promise<ScimRow> {
    mustMay(actor, 'user.change');
    const wanted = parseUser(body);
    const known = await reading(() => scimStore.findByUserName(this.#db, wanted.userName));
    if (known && !known.scim?.deletedAt) throw taken(wanted.userName);
    const id = known ? idOf(known) : await this.#insert(wanted);
    return this.#apply(actor, id, wanted);
  }

  /** Replaces all that it sends. */
  async replace(actor: Actor, id: string, body: unknown): Promise<ScimRow> {
    mustMay(actor, 'user.change');
    const row = await this.get(actor, id);
    return this.#apply(actor, idOf(row), parseUser(body));
  }

  async patch(actor: Actor, id: string, body: unknown): Promise<ScimRow> {
    mustMay(actor, 'user.change');
    const row = await this.get(actor, id);
    return this.#apply(actor, idOf(row), parseUser(applyPatch(sentOf(row), body, USER_ATTRIBUTES)));
  }

  /** Disables the user, which ends all that is open. */
  async delete(actor: Actor, id: string): Promise<ScimRow> {
    mustMay(actor, 'user.change');
    const row = await this.get(actor, id);
    await this.#parts.userAdmin.setDisabled(actor, row.id, true);
    const now = new Date(this.#parts.clock.now());
    await inTransaction(this.#db, (tx) => scimStore.setDeleted(tx, row, userNameOf(row), now));
    return row;
  }

  async #apply(actor: Actor, id: UserId, wanted: Wanted): Promise<ScimRow> {
    const other = await reading(() => scimStore.findByUserName(this.#db, wanted.userName));
    if (other && other.id !== id) throw taken(wanted.userName);
    try {
      await this.#parts.userAdmin.setProfile(actor, id, wanted, (tx) => scimStore.setUser(tx, id, wanted));
    } catch (err) {
      // Two at once with one name.
      if (uniqueViolation(err) === null) throw err;
      throw taken(wanted.userName);
    }
    const { disabledAt } = await this.#parts.users.get(id);
    if ((disabledAt === null) !== wanted.isActive) {
      await this.#parts.userAdmin.setDisabled(actor, id, !wanted.isActive);
    }
    return this.get(actor, id);
  }

  /** Without any role: groups give them. */
  #insert(wanted: Wanted): Promise<UserId> {
    return inTransaction(this.#db, async (tx) => {
      const login = await this.#freeLogin(tx, wanted);
      const plain = { kind: 'person', passwordHash: null, systemRole: null, role: null } as const;
      const { name, email } = wanted;
      // The directory vouches for it.
      const emailVerifiedAt = email === null ? null : new Date(this.#parts.clock.now());
      return (await this.#parts.users.insert(tx, { ...plain, login, name, email, emailVerifiedAt })).id;
    });
  }

  async #freeLogin(tx: Tx, { userName, name }: Wanted): Promise<string> {
    const base = suggestLogin(userName) || suggestLogin(name) || 'user';
    for (let number = 1; number < 100; number++) {
      const login = number === 1 ? base : `${base.slice(0, 60)}-${number}`;
      if (!(await this.#parts.users.isTaken(tx, login))) return login;
    }
    throw new ScimError(409, 'uniqueness', `no login could be made of "${userName}"`);
  }
}

function taken(userName: string): ScimError {
  return new ScimError(409, 'uniqueness', `there is already somebody with the userName "${userName}"`);
}
