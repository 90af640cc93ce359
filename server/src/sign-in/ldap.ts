/**
 * Signing in with the login and password of a directory, by the one form. Whoever types a login that a user here has is asked
 * for by that user's links alone: the password of a local account never reaches a directory that it is not linked to. Anybody
 * else is looked for in all directories, in their order.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { forbidden, notFound, type UserActor } from '../actor.ts';
import { type Db, reading } from '../db.ts';
import type { Device, InDirectory } from '../user/session.service.ts';
import type { SignInAttempts } from '../user/sign-in-attempts.ts';
import type { UserService } from '../user/user.service.ts';
import type { Arrivals } from './arrival.ts';
import type { Claims } from './claims.ts';
import type { Directories } from './ldap-directory.ts';
import { claimsOfEntry, isActive } from './ldap-entry.ts';
import { signInStore } from './sign-in.store.ts';
import type { OpenedModule, SignInModuleService } from './sign-in-module.service.ts';

interface LdapParts {
  db: Db;
  clock: Clock;
  log: Log;
  attempts: SignInAttempts;
  directories: Directories;
  modules: SignInModuleService;
  users: UserService;
  arrivals: Arrivals;
}

export class LdapSignIn {
  readonly #parts: LdapParts;

  constructor(parts: LdapParts) {
    this.#parts = parts;
  }

  /** Null when no directory knows this login with this password. Throws FORBIDDEN for whoever is known there and may not come in. */
  async find(given: { login: string; password: string }): Promise<InDirectory | null> {
    if (given.password === '' || given.login.trim() === '') return null;
    const modules = await this.#parts.modules.openAll('ldap');
    if (modules.length === 0) return null;
    const local = await this.#parts.users.findByLogin(given.login);
    const subjects = local === null ? null : await this.#subjectsOf(local.id);
    for (const module of modules) {
      const subject = subjects?.get(module.id) ?? null;
      if (local !== null && subject === null) continue;
      const claims = await this.#claims(module, { ...given, subject });
      if (!claims) continue;
      const userId = await this.#parts.arrivals.arrive(module, claims);
      const came = { module, subject: claims.subject };
      return { userId, open: (from) => this.#parts.arrivals.open(userId, came, from) };
    }
    return null;
  }

  /** Makes an account of the directory one of the actor's. Throws NOT_FOUND, WRONG_STATE, RATE_LIMITED, or FORBIDDEN. */
  async link(
    actor: UserActor,
    moduleId: string,
    given: { login: string; password: string; from: Device },
  ): Promise<void> {
    const { login, password, from } = given;
    const module = await this.#parts.modules.open(moduleId, 'ldap');
    if (!module && (await this.#parts.modules.kindOf(moduleId))) {
      throw new AppError({ code: 'WRONG_STATE', message: 'this is no directory: an account is linked by going there' });
    }
    if (!module) throw notFound('sign-in module');
    const attempt = this.#parts.attempts.begin(from.address, login);
    const isTyped = login.trim() !== '' && password !== '';
    const claims = isTyped ? await this.#claims(module, { login, password, subject: null }) : null;
    if (!claims) {
      attempt.failed();
      throw forbidden(`${module.name} knows nobody by this login and password, or does not answer`);
    }
    await this.#parts.arrivals.link(module, claims, { actor, from });
  }

  async #subjectsOf(userId: UserId): Promise<Map<string, string>> {
    const identities = await reading(() => signInStore.identitiesOf(this.#parts.db, userId));
    return new Map(identities.map(({ moduleId, subject }) => [moduleId, subject]));
  }

  /** A directory that does not answer knows nobody: the reason is a line in our log. */
  async #claims(
    module: OpenedModule<'ldap'>,
    { login, password, subject }: { login: string; password: string; subject: string | null },
  ): Promise<Claims | null> {
    const { settings } = module;
    try {
      return await this.#parts.directories.with(module, async (directory) => {
        const entry = subject === null ? await directory.byLogin(login) : await directory.bySubject(subject);
        if (!entry || !(await directory.isPassword(entry, password))) return null;
        const claims = claimsOfEntry(entry, settings);
        if (!claims || !isActive(entry, this.#parts.clock.now())) return null;
        return settings.syncsGroups ? { ...claims, groups: await directory.groupsOf(entry) } : claims;
      });
    } catch (err) {
      this.#parts.log.warn({ err, moduleId: module.id }, 'a directory does not answer');
      return null;
    }
  }
}
