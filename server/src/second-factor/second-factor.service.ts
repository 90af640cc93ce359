/**
 * What somebody has besides a password: an authenticator app, passkeys, and recovery codes for the day when those are lost.
 * The app's secret is sealed, since the server must read it again; of recovery codes only the hashes are kept.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Passkey } from '../generated/prisma/client.ts';
import type { FactorChange } from '../notification/factor-changes.ts';
import { readRights } from '../rights/grants.ts';
import { mustHold, mustMay } from '../rights/may.ts';
import type { ServerKey } from '../server-key.ts';
import type { SessionService } from '../user/session.service.ts';
import type { UserService } from '../user/user.service.ts';
import type { UserRow } from '../user/user-row.ts';
import { factorStore } from './factor.store.ts';
import type { FactorPolicyService } from './factor-policy.service.ts';
import { halfOpenStore } from './half-open.store.ts';
import { newRecoveryCodes, recoveryCodeHash } from './recovery-code.ts';
import { newTotpSecret, type QrCode, qrOf, stepOf, totpUri } from './totp.ts';

export type Way = 'totp' | 'passkey' | 'recoveryCode';

/** All that somebody has. */
export interface Factors {
  totp: { createdAt: Date | null; lastUsedAt: Date | null } | null;
  passkeys: Passkey[];
  recoveryCodesLeft: number;
  /** Whether the rules take away the last one from nobody like him. */
  isRequired: boolean;
}

/** Whose factors they are, and the session that goes on when others end. */
export interface Holder {
  userId: UserId;
  sessionId: string | null;
}

interface SecondFactorParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  users: UserService;
  sessions: SessionService;
  policy: FactorPolicyService;
  /** Tells the user, in the same transaction. */
  onChanged: (tx: Tx, userId: UserId, change: FactorChange) => Promise<void>;
  /** What people call this installation: its host. */
  issuer: string;
}

export class SecondFactorService {
  readonly #parts: SecondFactorParts;
  readonly #db: Db;

  constructor(parts: SecondFactorParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** What the user can come in by after his password; empty without a second factor. */
  async ways(userId: UserId): Promise<Way[]> {
    const { totp, passkeys, recoveryCodesLeft } = await this.#read(this.#db, userId);
    const ways: Way[] = [...(totp ? (['totp'] as const) : []), ...(passkeys.length > 0 ? (['passkey'] as const) : [])];
    return ways.length > 0 && recoveryCodesLeft > 0 ? [...ways, 'recoveryCode'] : ways;
  }

  async hasAny(userId: UserId): Promise<boolean> {
    return (await this.ways(userId)).length > 0;
  }

  /** The caller's own. */
  async list(actor: Actor): Promise<Factors> {
    const { userId } = asUser(actor);
    return { ...(await this.#read(this.#db, userId)), isRequired: await this.#parts.policy.requires(userId) };
  }

  /** A secret for an app. It counts once the app has made a code of it; until then the former one does. */
  async startTotp({ userId }: Holder): Promise<{ secret: string; uri: string; qr: QrCode }> {
    const { login } = await this.#parts.users.get(userId);
    const secret = newTotpSecret();
    const sealed = this.#parts.key.seal(secret, purposeOf(userId));
    await inTransaction(this.#db, (tx) => factorStore.setPendingTotp(tx, userId, sealed));
    const uri = totpUri(secret, { issuer: this.#parts.issuer, login });
    return { secret, uri, qr: qrOf(uri) };
  }

  /** Gives recovery codes where there were none. Throws INVALID_INPUT for a wrong code, WRONG_STATE without a `startTotp`. */
  async confirmTotp(holder: Holder, code: string): Promise<string[] | null> {
    const { userId } = holder;
    const row = await reading(() => factorStore.findTotp(this.#db, userId));
    const sealedPending = row?.sealedPending ?? null;
    if (sealedPending === null) {
      throw new AppError({ code: 'WRONG_STATE', message: 'nothing waits for a code: begin anew' });
    }
    const secret = this.#parts.key.open(sealedPending, purposeOf(userId));
    const nowMs = this.#parts.clock.now();
    const step = stepOf(code, { secret, nowMs, lastStep: null });
    if (step === null) throw wrongCode();
    return this.#add(holder, 'appAdded', async (tx) => {
      const confirmed = { sealedPending, sealedSecret: sealedPending, step, now: new Date(nowMs) };
      if (!(await factorStore.confirmTotp(tx, userId, confirmed))) {
        throw new AppError({ code: 'WRONG_STATE', message: 'it was begun again meanwhile: take the newest code' });
      }
    });
  }

  /** The same for a passkey that has just been verified. */
  async addPasskey(
    holder: Holder,
    passkey: Parameters<typeof factorStore.insertPasskey>[1],
  ): Promise<{ passkey: Passkey; recoveryCodes: string[] | null }> {
    let inserted: Passkey | null = null;
    const recoveryCodes = await this.#add(holder, 'passkeyAdded', async (tx) => {
      inserted = await factorStore.insertPasskey(tx, passkey);
    });
    if (!inserted) throw new AppError({ code: 'INTERNAL', message: 'the passkey was not stored' });
    return { passkey: inserted, recoveryCodes };
  }

  /** Whether it is a code of the user's app, or one of his recovery codes; either is then used up. */
  async takeCode(userId: UserId, typed: string): Promise<boolean> {
    const nowMs = this.#parts.clock.now();
    const now = new Date(nowMs);
    const code = typed.replace(/\s/g, '');
    const hash = recoveryCodeHash(code);
    if (hash !== null) return reading(() => factorStore.useRecoveryCode(this.#db, userId, hash, now));
    const row = await reading(() => factorStore.findTotp(this.#db, userId));
    if (!row || row.sealedSecret === null) return false;
    const secret = this.#parts.key.open(row.sealedSecret, purposeOf(userId));
    const step = stepOf(code, { secret, nowMs, lastStep: row.lastStep });
    return step !== null && (await reading(() => factorStore.useTotpStep(this.#db, userId, step, now)));
  }

  /** Throws NOT_FOUND, or WRONG_STATE for the last one where one is required. */
  async removeTotp(userId: UserId): Promise<void> {
    await this.#remove(userId, 'appRemoved', (tx) => factorStore.removeTotp(tx, userId));
  }

  /** Throws NOT_FOUND, or WRONG_STATE for the last one where one is required. */
  async removePasskey(userId: UserId, id: string): Promise<void> {
    await this.#remove(userId, 'passkeyRemoved', (tx) => factorStore.removePasskey(tx, userId, id));
  }

  async renamePasskey(userId: UserId, id: string, name: string): Promise<void> {
    const isDone = await inTransaction(this.#db, (tx) => factorStore.renamePasskey(tx, userId, id, name));
    if (!isDone) throw notFound('passkey');
  }

  /** Those made before are good for nothing any more. Throws WRONG_STATE without a factor that they stand in for. */
  async newRecoveryCodes(userId: UserId): Promise<string[]> {
    return inTransaction(this.#db, async (tx) => {
      await this.#parts.users.lock(tx, userId);
      const { totp, passkeys } = await this.#read(tx, userId);
      if (!totp && passkeys.length === 0) {
        throw new AppError({ code: 'WRONG_STATE', message: 'set up an authenticator app or a passkey first' });
      }
      await this.#parts.onChanged(tx, userId, 'codesMade');
      return this.#makeRecoveryCodes(tx, userId);
    });
  }

  /** For somebody who has lost them: takes all of them away, and ends what a password had opened. Throws NOT_FOUND. */
  async reset(actor: Actor, userId: UserId): Promise<UserRow> {
    mustMay(actor, 'user.change');
    const user = await this.#parts.users.get(userId);
    await inTransaction(this.#db, async (tx) => {
      await this.#parts.users.lock(tx, userId);
      mustHold(actor, await readRights(tx, userId), 'to take the second factors of this user away');
      await factorStore.removeAll(tx, userId);
      await halfOpenStore.removeAllOf(tx, userId);
      await this.#parts.sessions.revokeOthers(tx, userId, null);
      await this.#parts.onChanged(tx, userId, 'allRemoved');
    });
    return user;
  }

  /** Whoever has only known the password is out, once there is more to know. */
  async #add(
    { userId, sessionId }: Holder,
    change: FactorChange,
    work: (tx: Tx) => Promise<void>,
  ): Promise<string[] | null> {
    return inTransaction(this.#db, async (tx) => {
      await this.#parts.users.lock(tx, userId);
      const before = await this.#read(tx, userId);
      await work(tx);
      await this.#parts.onChanged(tx, userId, change);
      if (before.totp || before.passkeys.length > 0) return null;
      await this.#parts.sessions.revokeOthers(tx, userId, sessionId);
      return this.#makeRecoveryCodes(tx, userId);
    });
  }

  async #remove(
    userId: UserId,
    change: 'appRemoved' | 'passkeyRemoved',
    work: (tx: Tx) => Promise<boolean>,
  ): Promise<void> {
    const isRequired = await this.#parts.policy.requires(userId);
    await inTransaction(this.#db, async (tx) => {
      await this.#parts.users.lock(tx, userId);
      if (!(await work(tx))) throw notFound(change === 'appRemoved' ? 'authenticator app' : 'passkey');
      await this.#parts.onChanged(tx, userId, change);
      const { totp, passkeys } = await this.#read(tx, userId);
      if (totp || passkeys.length > 0) return;
      if (isRequired) {
        const message = 'a second factor is required here, and this is your last one: set up another one first';
        throw new AppError({ code: 'WRONG_STATE', message });
      }
      await factorStore.removeAll(tx, userId);
    });
  }

  async #makeRecoveryCodes(tx: Tx, userId: UserId): Promise<string[]> {
    const codes = newRecoveryCodes();
    const hashes = codes.flatMap((code) => recoveryCodeHash(code) ?? []);
    await factorStore.replaceRecoveryCodes(tx, userId, hashes);
    return codes;
  }

  async #read(db: Db | Tx, userId: UserId): Promise<Omit<Factors, 'isRequired'>> {
    const row = await reading(() => factorStore.findTotp(db, userId));
    const passkeys = await reading(() => factorStore.passkeys(db, userId));
    const recoveryCodesLeft = await reading(() => factorStore.countRecoveryCodes(db, userId));
    return { totp: row?.sealedSecret ? row : null, passkeys, recoveryCodesLeft };
  }
}

function purposeOf(userId: UserId): string {
  return `totp_factors.sealed_secret ${userId}`;
}

function wrongCode(): AppError {
  return new AppError({
    code: 'INVALID_INPUT',
    message:
      'this is not the code that the app shows now: check that the clock of the phone is right, and type the next one',
  });
}
