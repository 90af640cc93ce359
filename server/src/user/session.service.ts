/**
 * Browser sessions. The cookie holds 256 random bits, the database their SHA-256. A one-time code stands in for a password
 * at the first start (`npm start` prints its link) and when a command hands its sign-in to a browser.
 *
 * The secret is made anew once a day, and when the password or a second factor changes. Requests that were on their way
 * then still come with the old one, for a minute. Whoever comes with it later has a copy of the cookie, or is the one whose
 * cookie was copied: nobody can say which, so the session ends.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { type Actor, ANONYMOUS, asUser, notFound, type UserActor } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Session } from '../generated/prisma/client.ts';
import { readRights } from '../rights/grants.ts';
import type { Rights } from '../rights/rights.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { KnownDevices } from './known-devices.ts';
import { type SessionRow, sessionStore } from './session.store.ts';
import type { SignInAttempts } from './sign-in-attempts.ts';
import type { UserService } from './user.service.ts';

/** A working week and the weekend beside it. */
export const SESSION_SECONDS = 7 * 86_400;

/** The last use is written at most this often. */
const USED_EVERY_MS = 60_000;

/** How long a secret is used. */
const RENEWED_EVERY_MS = 86_400_000;
/** What was sent before its answer brought the new one. */
const OVERLAP_MS = 60_000;

/**
 * How somebody was signed in. Only a password asks for a second factor of ours: a link is made by an administrator or by
 * whoever runs the server, for those who have lost the rest, and a provider asks for its own (decision 0018).
 */
export type SignInMethod = 'password' | 'passkey' | 'link' | 'provider';

/** Where a sign-in comes from. */
export interface Device {
  address: string;
  userAgent: string | null;
  /** What its cookie of the device holds; null and left out: it has none yet. */
  deviceSecret?: string | null;
}

export interface NewSession {
  secret: string;
  expiresAt: Date;
  /** For the cookie that this browser is known by. */
  deviceSecret: string;
}

/** Somebody whose password a directory has taken, and how he is signed in by it. */
export interface InDirectory {
  userId: UserId;
  open(from: Device): Promise<NewSession>;
}

export class SessionService {
  readonly #db: Db;
  readonly #users: UserService;
  readonly #clock: Clock;
  readonly #attempts: SignInAttempts;
  readonly #audit: AuditService;
  readonly #devices: Pick<KnownDevices, 'signedIn' | 'sweep'>;
  readonly #directories: (given: { login: string; password: string }) => Promise<InDirectory | null>;
  readonly #onEnded: (tx: Tx, userId: UserId) => Promise<void>;
  readonly #mayStay: (userId: UserId) => Promise<boolean>;

  constructor(parts: {
    db: Db;
    users: UserService;
    clock: Clock;
    attempts: SignInAttempts;
    audit: AuditService;
    devices: Pick<KnownDevices, 'signedIn' | 'sweep'>;
    /** Whom a directory knows by this login and password; null when none does. */
    directories: (given: { login: string; password: string }) => Promise<InDirectory | null>;
    /** Tells the user's workers, in the transaction that ends one: what came in by it is cut. */
    onEnded: (tx: Tx, userId: UserId) => Promise<void>;
    /** Whether a session that a password alone has opened is enough for this user. */
    mayStay: (userId: UserId) => Promise<boolean>;
  }) {
    this.#db = parts.db;
    this.#users = parts.users;
    this.#clock = parts.clock;
    this.#attempts = parts.attempts;
    this.#audit = parts.audit;
    this.#devices = parts.devices;
    this.#directories = parts.directories;
    this.#onEnded = parts.onEnded;
    this.#mayStay = parts.mayStay;
  }

  /**
   * Whose login and password these are: not yet a sign-in. Throws UNAUTHENTICATED for an unknown login and a wrong password
   * alike, and RATE_LIMITED after too many of them.
   */
  async verifyPassword(
    given: { login: string; password: string },
    from: Device,
  ): Promise<{ userId: UserId; open?: InDirectory['open'] }> {
    const attempt = this.#attempts.begin(from.address, given.login);
    const user = await this.#users.withPassword(given.login, given.password);
    if (!user) {
      const directory = await this.#directories(given);
      if (directory) return directory;
      attempt.failed();
      // People type passwords there: a login that nobody has is not kept.
      const known = await this.#users.findByLogin(given.login);
      await this.failed(from, known?.login ?? null);
      throw new AppError({ code: 'UNAUTHENTICATED', message: 'login or password is not right' });
    }
    return { userId: user.id };
  }

  /** Uses the code up: not yet a sign-in. Throws UNAUTHENTICATED for a code that is unknown, used or too old. */
  async useCode(code: string, from: Device): Promise<{ userId: UserId; asksSecondFactor: boolean }> {
    const attempt = this.#attempts.begin(from.address, null);
    const now = new Date(this.#clock.now());
    const used = await inTransaction(this.#db, (tx) => sessionStore.useCode(tx, hashSecret(code), now));
    if (!used) {
      attempt.failed();
      await this.failed(from, null);
      throw new AppError({
        code: 'UNAUTHENTICATED',
        message: 'this sign-in link was used before or is too old: ask for a new one',
      });
    }
    return used;
  }

  /**
   * A code that signs its holder in as this user, once. With `asksSecondFactor` it stands in for the password alone, as it
   * must wherever it is sent to somebody who has only asked for it.
   */
  async newCode(
    userId: UserId,
    lifetimeSeconds: number,
    { asksSecondFactor = false }: { asksSecondFactor?: boolean } = {},
  ): Promise<string> {
    const code = newSecret();
    const expiresAt = new Date(this.#clock.now() + lifetimeSeconds * 1000);
    const row = { codeHash: hashSecret(code), userId, expiresAt, asksSecondFactor };
    await reading(() => sessionStore.insertCode(this.#db, row));
    return code;
  }

  /** The user whose session this is; null when it has ended. */
  async authenticate(secret: string, address: string | null = null): Promise<UserActor | null> {
    const now = new Date(this.#clock.now());
    const secretHash = hashSecret(secret);
    const current = await reading(() => sessionStore.findValid(this.#db, secretHash, now));
    const row = current ?? (await this.#replaced(secretHash, now, address));
    if (!row) return null;
    if (isByPassword(row) && !(await this.#mayStay(row.userId as UserId))) return null;
    if (now.getTime() - (row.lastUsedAt?.getTime() ?? 0) > USED_EVERY_MS) {
      await reading(() => sessionStore.setUsed(this.#db, row.id, now));
    }
    const dueAtMs = (row.renewAt ?? row.createdAt).getTime() + (row.renewAt === null ? RENEWED_EVERY_MS : 0);
    const isRenewalDue = current !== null && dueAtMs <= now.getTime();
    return actorOf(row, { rights: await readRights(this.#db, row.userId as UserId), isRenewalDue });
  }

  /** The same session under a new secret. Null when it has ended, or another request has been faster. */
  async renew(secret: string): Promise<Pick<NewSession, 'secret' | 'expiresAt'> | null> {
    const now = new Date(this.#clock.now());
    const fresh = newSecret();
    const secrets = { from: hashSecret(secret), to: hashSecret(fresh) };
    const renewAt = new Date(now.getTime() + RENEWED_EVERY_MS);
    const row = await inTransaction(this.#db, (tx) => sessionStore.replaceSecret(tx, secrets, { now, renewAt }));
    return row && { secret: fresh, expiresAt: row.expiresAt };
  }

  /** Its secret is made anew by the next request that can bring the new one back. */
  async renewSoon(tx: Tx, id: string): Promise<void> {
    await sessionStore.setRenewalDue(tx, id, new Date(this.#clock.now()));
  }

  /** Whoever calls has made sure that it is he. */
  async setProved(id: string): Promise<void> {
    await reading(() => sessionStore.setProved(this.#db, id, new Date(this.#clock.now())));
  }

  /** The user of a session that is known by its id; null when it has ended. */
  async actorOf(id: string): Promise<UserActor | null> {
    const row = await reading(() => sessionStore.findValidById(this.#db, id, new Date(this.#clock.now())));
    return row && actorOf(row, { rights: await readRights(this.#db, row.userId as UserId), isRenewalDue: false });
  }

  async signOut(secret: string): Promise<void> {
    await inTransaction(this.#db, async (tx) => {
      const userId = await sessionStore.revoke(tx, hashSecret(secret), new Date(this.#clock.now()));
      if (userId) await this.#onEnded(tx, userId);
    });
  }

  /** The user's own that have not ended, the one used last first. */
  list(actor: Actor): Promise<Session[]> {
    const { userId } = asUser(actor);
    return reading(() => sessionStore.list(this.#db, userId, new Date(this.#clock.now())));
  }

  /** What is open by it is closed within seconds. Throws NOT_FOUND. */
  async revoke(actor: Actor, id: string): Promise<Session> {
    const by = { userId: asUser(actor).userId, now: new Date(this.#clock.now()) };
    return inTransaction(this.#db, async (tx) => {
      const session = await sessionStore.revokeOne(tx, id, by);
      if (!session) throw notFound('session');
      await this.#onEnded(tx, by.userId);
      return session;
    });
  }

  /** Ends all sessions of the user but the one that asks; all of them for an API token. Gives how many. */
  revokeOthersOf(actor: Actor): Promise<number> {
    const { userId, credential } = asUser(actor);
    const keepId = credential.kind === 'session' ? credential.id : null;
    return inTransaction(this.#db, (tx) => this.revokeOthers(tx, userId, keepId));
  }

  /** Ends all sessions of the user but one. Gives how many. */
  async revokeOthers(tx: Tx, userId: UserId, keepId: string | null): Promise<number> {
    const count = await sessionStore.revokeOthers(tx, userId, keepId, new Date(this.#clock.now()));
    if (count > 0) await this.#onEnded(tx, userId);
    return count;
  }

  /** Ends the sessions of these users that a password alone has opened. Gives how many users had one. */
  async revokeByPassword(tx: Tx, userIds: readonly UserId[]): Promise<number> {
    const ended = await sessionStore.revokeByPassword(tx, userIds, new Date(this.#clock.now()));
    for (const userId of ended) await this.#onEnded(tx, userId);
    return ended.length;
  }

  /** Ends all sessions that came by this sign-in module, of one user or of all. Gives how many. */
  async revokeOfModule(tx: Tx, moduleId: string, userId: UserId | null): Promise<number> {
    const owners = await sessionStore.revokeOfModule(tx, { moduleId, userId }, new Date(this.#clock.now()));
    for (const owner of new Set(owners)) await this.#onEnded(tx, owner);
    return owners.length;
  }

  /** Removes what has ended a day ago, and browsers that nobody has signed in with for long. */
  async sweep(): Promise<void> {
    await this.#devices.sweep(this.#db, new Date(this.#clock.now()));
    await reading(() => sessionStore.sweep(this.#db, new Date(this.#clock.now() - 86_400_000)));
  }

  /**
   * Signs the user in: whoever calls has made sure that it is he. `by` names the sign-in module that he came by, when its
   * provider wants the session to end, if that is earlier than usual, and what is done in the same transaction.
   */
  async open(
    userId: UserId,
    from: Device,
    by: {
      moduleId?: string;
      endsBy?: Date | null;
      method?: SignInMethod;
      also?: (tx: Tx, sessionId: string) => Promise<void>;
    } = {},
  ): Promise<NewSession> {
    const { address, userAgent } = from;
    const secret = newSecret();
    const deviceSecret = from.deviceSecret ?? newSecret();
    const now = new Date(this.#clock.now());
    const usualEndMs = now.getTime() + SESSION_SECONDS * 1000;
    const expiresAt = new Date(Math.min(usualEndMs, by.endsBy?.getTime() ?? usualEndMs));
    const renewAt = new Date(now.getTime() + RENEWED_EVERY_MS);
    const device = { address: address || null, userAgent: userAgent?.slice(0, 300) ?? null };
    const times = { createdAt: now, expiresAt, renewAt, provedAt: now };
    const means = { method: by.method ?? 'provider', moduleId: by.moduleId ?? null };
    const session = { userId, secretHash: hashSecret(secret), ...means, ...times, ...device };
    const { login } = await this.#users.get(userId);
    const origin = { address: device.address, requestId: null };
    await this.#audit.during({ action: 'signIn', actor: ANONYMOUS, as: { userId, login }, from: origin }, () =>
      inTransaction(this.#db, async (tx) => {
        const id = await sessionStore.insert(tx, session);
        await by.also?.(tx, id);
        await this.#devices.signedIn(tx, userId, { secret: deviceSecret, from, now });
      }),
    );
    return { secret, expiresAt, deviceSecret };
  }

  /** A session whose secret was replaced: good for requests that were on their way, and the end of it afterwards. */
  async #replaced(secretHash: string, now: Date, address: string | null): Promise<SessionRow | null> {
    const found = await reading(() => sessionStore.findReplaced(this.#db, secretHash, now));
    if (!found) return null;
    const { row, replacedAt } = found;
    if (now.getTime() - replacedAt.getTime() <= OVERLAP_MS) return row;
    const userId = row.userId as UserId;
    const act = { action: 'useOldSession', actor: ANONYMOUS, as: { userId, login: row.user.login }, thingId: row.id };
    await this.#audit.record({ ...act, from: { address, requestId: null } }, 'UNAUTHENTICATED');
    await inTransaction(this.#db, async (tx) => {
      if (await sessionStore.revokeOne(tx, row.id, { userId, now })) await this.#onEnded(tx, userId);
    });
    return null;
  }

  /** Leaves an entry of a sign-in that did not work. */
  failed({ address }: Device, login: string | null): Promise<void> {
    const from = { address, requestId: null };
    return this.#audit.record({ action: 'signIn', actor: ANONYMOUS, from, thingName: login }, 'UNAUTHENTICATED');
  }
}

function isByPassword({ method }: SessionRow): boolean {
  return method === 'password' || method === null;
}

function actorOf({ id, user, provedAt }: SessionRow, more: { rights: Rights; isRenewalDue: boolean }): UserActor {
  const { id: userId, login } = user;
  const credential = { kind: 'session', id, provedAt, isRenewalDue: more.isRenewalDue } as const;
  return { kind: 'user', userId: userId as UserId, login, rights: more.rights, credential };
}
