/**
 * Somebody comes from a provider: who is he here? The same for all kinds of modules, which only say what they know of him.
 *
 * In this order: the allowed domains, then the known identity, then a trusted address, then registration. Whoever is disabled
 * is refused whatever way he comes. The provider's subject is what identifies him, never an address or a name.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { forbidden, type UserActor } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, type Tx, uniqueViolation } from '../db.ts';
import type { GroupService } from '../group/group.service.ts';
import type { ServerKey } from '../server-key.ts';
import type { Device, NewSession, SessionService } from '../user/session.service.ts';
import type { UserService } from '../user/user.service.ts';
import { type Claims, isAllowed, loginsFor } from './claims.ts';
import { type ModuleSettings, roleOf } from './module-settings.ts';
import { checkPurpose, type KeptOfProvider, sessionCheckStore } from './session-check.store.ts';
import { signInStore } from './sign-in.store.ts';

/** What of a module decides who somebody is. */
export interface ArrivalModule {
  id: string;
  name: string;
  settings: ModuleSettings;
}

interface ArrivalsParts {
  db: Db;
  key: ServerKey;
  audit: AuditService;
  clock: Clock;
  groups: GroupService;
  users: UserService;
  sessions: SessionService;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** Signs in whom the module speaks of. Throws FORBIDDEN with a sentence for the person. */
  async signIn(
    module: ArrivalModule,
    claims: Claims,
    from: Device,
    by: { endsBy?: Date | null; keeps?: KeptOfProvider | null } = {},
  ): Promise<NewSession> {
    return this.open(await this.arrive(module, claims), { module, subject: claims.subject }, from, by);
  }

  /** Who it is, who may be made by this; not yet signed in. Throws FORBIDDEN. */
  arrive(module: ArrivalModule, claims: Claims): Promise<UserId> {
    return inTransaction(this.#parts.db, (tx) => this.userOf(tx, module, claims));
  }

  /** Opens a session that its provider is asked about as long as it lives. */
  open(
    userId: UserId,
    came: { module: ArrivalModule; subject: string },
    from: Device,
    by: { endsBy?: Date | null; keeps?: KeptOfProvider | null } = {},
  ): Promise<NewSession> {
    const { module, subject } = came;
    const { id: moduleId } = module;
    const { endsBy = null, keeps = null } = by;
    const watch = (tx: Tx, sessionId: string) => this.#watch(tx, { sessionId, moduleId, subject, keeps });
    return this.#parts.sessions.open(userId, from, {
      moduleId,
      endsBy,
      ...(isWatched(module, keeps) ? { also: watch } : {}),
    });
  }

  /** Makes the account of the provider one of this user's. Throws FORBIDDEN for one that somebody else has. */
  async link(module: ArrivalModule, claims: Claims, by: { actor: UserActor; from: Device }): Promise<void> {
    const { actor, from } = by;
    const { subject, verifiedEmail: email } = claims;
    const act = { action: 'linkAccount', actor, from: { address: from.address || null, requestId: null } };
    const thing = { thingId: module.id, thingName: module.name };
    await this.#parts.audit.during({ ...act, ...thing }, () =>
      inTransaction(this.#parts.db, async (tx) => {
        refuseDomain(module, claims);
        await this.#parts.users.lock(tx, actor.userId);
        await this.#refuseDisabled(tx, actor.userId);
        const known = await signInStore.findIdentity(tx, module.id, subject);
        if (known && known.userId !== actor.userId) throw taken(module);
        if (known) return;
        try {
          await signInStore.insertIdentity(tx, { moduleId: module.id, subject, userId: actor.userId, email });
        } catch (err) {
          throw uniqueViolation(err) === null ? err : taken(module);
        }
      }),
    );
  }

  /** What the session's provider is asked with, as long as the session lives. */
  async #watch(
    tx: Tx,
    of: { sessionId: string; moduleId: string; subject: string; keeps: KeptOfProvider | null },
  ): Promise<void> {
    const { keeps, ...row } = of;
    const sealed = keeps && this.#parts.key.seal(JSON.stringify(keeps), checkPurpose(row.sessionId));
    await sessionCheckStore.insert(tx, { ...row, sealed, providerSession: keeps?.providerSession ?? null });
  }

  /** The user, who may be made by this. Throws FORBIDDEN. */
  async userOf(tx: Tx, module: ArrivalModule, claims: Claims): Promise<UserId> {
    const { settings } = module;
    const { subject, verifiedEmail: email } = claims;
    refuseDomain(module, claims);
    const known = await signInStore.findIdentity(tx, module.id, subject);
    if (known) {
      await signInStore.setUsed(tx, module.id, subject, { email, now: new Date(this.#parts.clock.now()) });
      await this.#refuseDisabled(tx, known.userId as UserId);
    }
    const userId = known ? (known.userId as UserId) : await this.#newcomer(tx, module, claims);
    if (settings.syncsGroups && claims.groups !== null) {
      await this.#parts.groups.syncFrom(tx, { userId, moduleId: module.id, names: claims.groups });
    }
    return userId;
  }

  async #newcomer(tx: Tx, module: ArrivalModule, claims: Claims): Promise<UserId> {
    const { subject, verifiedEmail: email } = claims;
    const userId = (await this.#sameEmail(tx, module.settings, email)) ?? (await this.#register(tx, module, claims));
    await signInStore.insertIdentity(tx, { moduleId: module.id, subject, userId, email });
    return userId;
  }

  async #sameEmail(tx: Tx, { trustsEmail }: ModuleSettings, email: string | null): Promise<UserId | null> {
    if (!trustsEmail || email === null) return null;
    const [user, ...others] = await this.#parts.users.withEmail(tx, email);
    // Two with one address: nobody can say which of them this is.
    if (!user || others.length > 0) return null;
    await this.#refuseDisabled(tx, user.id);
    return user.id;
  }

  async #register(tx: Tx, module: ArrivalModule, claims: Claims): Promise<UserId> {
    if (!module.settings.mayRegister) {
      throw forbidden(`nobody here is known by this account of ${module.name}: ask an administrator for an invitation`);
    }
    const { users } = this.#parts;
    for (const login of loginsFor(claims)) {
      if (await users.isTaken(tx, login)) continue;
      const name = claims.name ?? login;
      const rights = { systemRole: null, role: roleOf(module.settings) };
      const email = claims.verifiedEmail;
      // The provider has verified it.
      const emailVerifiedAt = email === null ? null : new Date(this.#parts.clock.now());
      const user = { kind: 'person' as const, login, name, email, emailVerifiedAt, passwordHash: null, ...rights };
      return (await users.insert(tx, user)).id;
    }
    throw forbidden('no login could be found for you: ask an administrator for an invitation');
  }

  /** Whether the user can sign in by a module that is on. */
  isKnown(tx: Tx, userId: UserId): Promise<boolean> {
    return signInStore.hasIdentity(tx, userId);
  }

  async #refuseDisabled(tx: Tx, userId: UserId): Promise<void> {
    if (await this.#parts.users.isDisabled(tx, userId)) throw forbidden('this user is disabled: ask an administrator');
  }
}

/** Directories are looked into with the module's own account; other providers with what they gave. */
function isWatched({ settings }: ArrivalModule, keeps: KeptOfProvider | null): boolean {
  return settings.kind === 'ldap' || keeps !== null;
}

function refuseDomain({ name, settings }: ArrivalModule, { verifiedEmail }: Claims): void {
  if (isAllowed(verifiedEmail, settings.allowedDomains)) return;
  throw forbidden(`${name} lets in verified addresses of ${settings.allowedDomains.join(', ')} alone`);
}

function taken({ name }: ArrivalModule): AppError {
  return forbidden(`this account of ${name} belongs to another user here: unlink it there first`);
}

/** The provider's answer does not do: a sentence for the person. */
export function refused(message: string): AppError {
  return new AppError({ code: 'UNAUTHENTICATED', message });
}
