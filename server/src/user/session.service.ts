/**
 * Browser sessions. The cookie holds 256 random bits, the database their SHA-256. A one-time code stands in for a password
 * at the first start (`npm start` prints its link) and when a command hands its sign-in to a browser.
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

export class SessionService {
  readonly #db: Db;
  readonly #users: UserService;
  readonly #clock: Clock;
  readonly #attempts: SignInAttempts;
  readonly #audit: AuditService;
  readonly #devices: Pick<KnownDevices, 'signedIn' | 'sweep'>;
  readonly #onEnded: (tx: Tx, userId: UserId) => Promise<void>;

  constructor(parts: {
    db: Db;
    users: UserService;
    clock: Clock;
    attempts: SignInAttempts;
    audit: AuditService;
    devices: Pick<KnownDevices, 'signedIn' | 'sweep'>;
    /** Tells the user's workers, in the transaction that ends one: what came in by it is cut. */
    onEnded: (tx: Tx, userId: UserId) => Promise<void>;
  }) {
    this.#db = parts.db;
    this.#users = parts.users;
    this.#clock = parts.clock;
    this.#attempts = parts.attempts;
    this.#audit = parts.audit;
    this.#devices = parts.devices;
    this.#onEnded = parts.onEnded;
  }

  /** Throws UNAUTHENTICATED for an unknown login and a wrong password alike, and RATE_LIMITED after too many of them. */
  async signInWithPassword(given: { login: string; password: string }, from: Device): Promise<NewSession> {
    const attempt = this.#attempts.begin(from.address, given.login);
    const user = await this.#users.withPassword(given.login, given.password);
    if (!user) {
      attempt.failed();
      // People type passwords there: a login that nobody has is not kept.
      const known = await this.#users.findByLogin(given.login);
      await this.#failed(from, known?.login ?? null);
      throw new AppError({ code: 'UNAUTHENTICATED', message: 'login or password is not right' });
    }
    return this.open(user.id, from);
  }

  /** Throws UNAUTHENTICATED for a code that is unknown, used or too old. */
  async signInWithCode(code: string, from: Device): Promise<NewSession> {
    const attempt = this.#attempts.begin(from.address, null);
    const now = new Date(this.#clock.now());
    const userId = await inTransaction(this.#db, (tx) => sessionStore.useCode(tx, hashSecret(code), now));
    if (!userId) {
      attempt.failed();
      await this.#failed(from, null);
      throw new AppError({
        code: 'UNAUTHENTICATED',
        message: 'this sign-in link was used before or is too old: ask for a new one',
      });
    }
    return this.open(userId, from);
  }

  /** A code that signs its holder in as this user, once. */
  async newCode(userId: UserId, lifetimeSeconds: number): Promise<string> {
    const code = newSecret();
    const expiresAt = new Date(this.#clock.now() + lifetimeSeconds * 1000);
    await reading(() => sessionStore.insertCode(this.#db, { codeHash: hashSecret(code), userId, expiresAt }));
    return code;
  }

  /** The user whose session this is; null when it has ended. */
  async authenticate(secret: string): Promise<UserActor | null> {
    const now = new Date(this.#clock.now());
    const row = await reading(() => sessionStore.findValid(this.#db, hashSecret(secret), now));
    if (!row) return null;
    if (now.getTime() - (row.lastUsedAt?.getTime() ?? 0) > USED_EVERY_MS) {
      await reading(() => sessionStore.setUsed(this.#db, row.id, now));
    }
    return actorOf(row, await readRights(this.#db, row.userId as UserId));
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

  /** Removes what has ended a day ago, and browsers that nobody has signed in with for long. */
  async sweep(): Promise<void> {
    await this.#devices.sweep(this.#db, new Date(this.#clock.now()));
    await reading(() => sessionStore.sweep(this.#db, new Date(this.#clock.now() - 86_400_000)));
  }

  /**
   * Signs the user in: whoever calls has made sure that it is he. `by` names the
   * sign-in module that he came by, and when its provider wants the session to end, if that is earlier than usual.
   */
  async open(userId: UserId, from: Device, by: { moduleId?: string; endsBy?: Date | null } = {}): Promise<NewSession> {
    const { address, userAgent } = from;
    const secret = newSecret();
    const deviceSecret = from.deviceSecret ?? newSecret();
    const now = new Date(this.#clock.now());
    const usualEndMs = now.getTime() + SESSION_SECONDS * 1000;
    const expiresAt = new Date(Math.min(usualEndMs, by.endsBy?.getTime() ?? usualEndMs));
    const device = { address: address || null, userAgent: userAgent?.slice(0, 300) ?? null };
    const session = { userId, secretHash: hashSecret(secret), expiresAt, moduleId: by.moduleId ?? null, ...device };
    const { login } = await this.#users.get(userId);
    const origin = { address: device.address, requestId: null };
    await this.#audit.during({ action: 'signIn', actor: ANONYMOUS, as: { userId, login }, from: origin }, () =>
      inTransaction(this.#db, async (tx) => {
        await sessionStore.insert(tx, session);
        await this.#devices.signedIn(tx, userId, { secret: deviceSecret, from, now });
      }),
    );
    return { secret, expiresAt, deviceSecret };
  }

  #failed({ address }: Device, login: string | null): Promise<void> {
    const from = { address, requestId: null };
    return this.#audit.record({ action: 'signIn', actor: ANONYMOUS, from, thingName: login }, 'UNAUTHENTICATED');
  }
}

function actorOf({ id, user }: SessionRow, rights: Rights): UserActor {
  const { id: userId, login } = user;
  return { kind: 'user', userId: userId as UserId, login, rights, credential: { kind: 'session', id } };
}
