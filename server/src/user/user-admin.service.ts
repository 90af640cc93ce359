/** What administrators do with users: roles, disabling, service accounts, a way back in for whoever has lost his password. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId, type UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { languageOf } from '../mail/language.ts';
import type { MailService } from '../mail/mail.service.ts';
import { TEMPLATES } from '../mail/templates.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import { parseInput } from '../parse-input.ts';
import { keepingAdministrators } from '../rights/administrators.ts';
import { type Grant, readGrants, readRights, wordGrants } from '../rights/grants.ts';
import { mustHold, mustMay } from '../rights/may.ts';
import { gained, rightsOf } from '../rights/rights.ts';
import { NAMESPACE_ROLES, type NamespaceRole, SYSTEM_ROLES, type SystemRole } from '../rights/roles.ts';
import type { RoleService } from '../role/role.service.ts';
import { loginSchema, nameSchema } from './login.ts';
import type { SessionService } from './session.service.ts';
import type { UserService } from './user.service.ts';
import { userStore } from './user.store.ts';
import type { UserRow } from './user-row.ts';

const words = <Word extends string>(table: Record<Word, unknown>) => Object.keys(table) as [Word, ...Word[]];

export const rolesSchema = z.object({
  systemRole: z
    .enum(words<SystemRole>(SYSTEM_ROLES))
    .nullish()
    .transform((role) => role ?? null),
  /** In the namespace. */
  role: z
    .enum(words<NamespaceRole>(NAMESPACE_ROLES))
    .nullish()
    .transform((role) => role ?? null),
  /** Its id or name; the default one when left out. */
  namespace: z.string().max(200).nullish(),
});

const userRolesSchema = rolesSchema.extend({
  /** Roles that people made; left out, those stay. */
  custom: z
    .array(z.object({ role: z.string().max(200), namespace: z.string().max(200).nullish() }))
    .max(200)
    .nullish(),
});

const wishOf = ({ role, namespace }: { role: string; namespace?: string | null | undefined }) => {
  return { custom: role, namespace };
};

const createServiceAccountSchema = rolesSchema.extend({ login: loginSchema, name: nameSchema });

/** Until whoever cannot sign in any more has read it. */
const RESET_LINK_SECONDS = 86_400;

export class UserAdminService {
  readonly #parts: UserAdminServiceParts;
  readonly #db: Db;

  constructor(parts: UserAdminServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /**
   * Replaces the word for the whole installation and the one for the namespace, and the roles that people made where these are given. What is open by this user is judged anew within seconds.
   * Throws WRONG_STATE for the last administrator, and FORBIDDEN for what the actor does not hold himself.
   */
  async setRoles(actor: Actor, id: string, input: z.input<typeof userRolesSchema>): Promise<UserRow> {
    mustMay(actor, 'user.change');
    const { systemRole, role, namespace, custom } = parseInput(userRolesSchema, input);
    const namespaceId = await this.#parts.namespaces.idOf(namespace);
    const given = custom ? await this.#parts.roles.resolve(custom.map(wishOf)) : null;
    return this.#change(id, async (tx, user) => {
      await this.#mustHoldGained(tx, actor, user.id, wordGrants({ systemRole, role }, namespaceId));
      await userStore.setSystemRole(tx, user.id, systemRole);
      await this.#parts.namespaces.setRole(tx, { namespaceId, userId: user.id }, role);
      if (given) await this.#parts.roles.give(tx, actor, { userId: user.id }, given);
      // Whether the user may still enter what he owns depends on it.
      await this.#parts.onAccessChanged(tx, user.id);
    });
  }

  /**
   * Ends all sessions and streams of the user, and refuses his tokens and keys until he is enabled again. His environments
   * and their volumes stay as they are.
   */
  async setDisabled(actor: Actor, id: string, isDisabled: boolean): Promise<UserRow> {
    mustMay(actor, 'user.change');
    if (isDisabled && asUser(actor).userId === id) {
      throw new AppError({ code: 'WRONG_STATE', message: 'nobody disables himself: ask another administrator' });
    }
    return this.#change(id, async (tx, user) => {
      await userStore.setDisabled(tx, user.id, isDisabled ? new Date(this.#parts.clock.now()) : null);
      if (isDisabled) await this.#parts.sessions.revokeOthers(tx, user.id, null);
      if (isDisabled && user.disabledAt === null) await this.#parts.onDisabled(tx, user);
      await this.#parts.onAccessChanged(tx, user.id);
    });
  }

  /**
   * Name and address as a directory has them; `more` is done in the same transaction. Throws FORBIDDEN for another address of
   * somebody with rights for the whole installation that the actor lacks: by his address one may become him.
   */
  async setProfile(
    actor: Actor,
    id: string,
    profile: { name: string; email: string | null },
    more: (tx: Tx) => Promise<void>,
  ): Promise<UserRow> {
    mustMay(actor, 'user.change');
    const { name, email } = profile;
    return this.#change(id, async (tx, user) => {
      if (user.email !== email) {
        const { everywhere } = await readRights(tx, user.id);
        mustHold(actor, { everywhere, inNamespace: {} }, 'to change the address of this user');
        // The directory vouches for it.
        const emailVerifiedAt = email === null ? null : new Date(this.#parts.clock.now());
        await userStore.setProfile(tx, user.id, { email, emailVerifiedAt });
      }
      await userStore.setProfile(tx, user.id, { name });
      await more(tx);
    });
  }

  /** For automation: has API tokens, and nobody signs in as it. Throws NAME_TAKEN. */
  async createServiceAccount(actor: Actor, input: z.input<typeof createServiceAccountSchema>): Promise<UserRow> {
    mustMay(actor, 'user.change');
    const { namespace, ...account } = parseInput(createServiceAccountSchema, input);
    const namespaceId = await this.#parts.namespaces.idOf(namespace);
    mustHold(actor, rightsOf(wordGrants(account, namespaceId)), 'to give this');
    return inTransaction(this.#db, (tx) =>
      this.#parts.users.insert(tx, { ...account, namespaceId, kind: 'service', email: null, passwordHash: null }),
    );
  }

  /** Takes the password away, ends all sessions, and gives a code that signs the user in, once, to set a new one. */
  async resetPassword(actor: Actor, id: string): Promise<{ user: UserRow; code: string; isMailed: boolean }> {
    mustMay(actor, 'user.change');
    const user = await this.#change(id, async (tx, { id: userId, kind }) => {
      if (kind !== 'person')
        throw new AppError({ code: 'WRONG_STATE', message: 'nobody signs in as a service account' });
      mustHold(actor, await readRights(tx, userId), 'to let anybody sign in as this user');
      await userStore.setPasswordHash(tx, userId, null);
      await this.#parts.sessions.revokeOthers(tx, userId, null);
    });
    return {
      user,
      code: await this.#parts.sessions.newCode(user.id, RESET_LINK_SECONDS),
      isMailed: await this.#mailReset(user),
    };
  }

  /** A link of its own, so that the one that is shown can be used as well. */
  async #mailReset({ id, login, email, emailVerifiedAt, language: word }: UserRow): Promise<boolean> {
    if (email === null || emailVerifiedAt === null || !this.#parts.mails.isOn) return false;
    const language = languageOf(word);
    const code = await this.#parts.sessions.newCode(id, RESET_LINK_SECONDS);
    const content = TEMPLATES.resetByAdministrator[language]({ login, path: `/sign-in?code=${code}` });
    return inTransaction(this.#db, (tx) =>
      this.#parts.mails.enqueue(tx, 'resetByAdministrator', { to: email, language, content }),
    );
  }

  /** A service account, for whoever may change it. Throws NOT_FOUND. */
  async serviceAccount(actor: Actor, id: string): Promise<UserRow> {
    mustMay(actor, 'user.change');
    const row = isId('user', id) ? await reading(() => userStore.find(this.#db, id)) : null;
    if (row?.kind !== 'service') throw notFound('service account');
    mustHold(actor, await readRights(this.#db, row.id), 'to make tokens of this service account');
    return row;
  }

  /** Of the words alone: what groups and roles that people made give besides does not count as his own. */
  async #mustHoldGained(tx: Tx, actor: Actor, userId: UserId, grants: readonly Grant[]): Promise<void> {
    const words = (await readGrants(tx, userId)).filter(({ groupId, roleId }) => groupId === null && roleId === null);
    mustHold(actor, gained(rightsOf(words), rightsOf(grants)), 'to give this');
  }

  async #change(id: string, work: (tx: Tx, user: UserRow) => Promise<void>): Promise<UserRow> {
    if (!isId('user', id)) throw notFound('user');
    return inTransaction(this.#db, (tx) =>
      // Before the user's own row, always: two who demote each other wait instead of locking each other out.
      keepingAdministrators(tx, async () => {
        const user = await userStore.find(tx, id);
        if (!user) throw notFound('user');
        await work(tx, user);
        return (await userStore.find(tx, id)) ?? user;
      }),
    );
  }
}

interface UserAdminServiceParts {
  db: Db;
  mails: MailService;
  clock: Clock;
  users: UserService;
  sessions: SessionService;
  namespaces: NamespaceService;
  roles: RoleService;
  /** Tells whoever listens, in the same transaction. */
  onDisabled: (tx: Tx, user: UserRow) => Promise<void>;
  /** Tells the user's workers, in the same transaction. */
  onAccessChanged: (tx: Tx, userId: UserId) => Promise<void>;
}
