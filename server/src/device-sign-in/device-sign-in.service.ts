/**
 * Sign-in of the `easel` command on a machine without a browser.
 *
 *   the command               the server                       a person, signed in with any browser
 *   begin            ───▶     a device code and a user code
 *   shows the user code                                        types it, sees who asks, approves or denies
 *   poll, poll, poll ───▶     waiting … then a token, once
 *
 * The device code has 256 bits and is the command's alone. The user code is short; whoever finds one by trying could only
 * answer somebody else's question, and is stopped after ten wrong ones. Nobody can be kept from talking a person into
 * approving a stranger's code; so the page says who asks, from where, and what it means, and the person is told afterwards.
 * If either side goes away, the codes end after ten minutes. Source: RFC 8628.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { type Actor, ANONYMOUS, asUser, notFound } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, reading } from '../db.ts';
import type { DeviceSignIn } from '../generated/prisma/client.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import { RateLimit } from '../rate-limit.ts';
import { mustMay } from '../rights/may.ts';
import type { FactorAttempts } from '../second-factor/factor-attempts.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { ServerKey } from '../server-key.ts';
import { type ApiTokenService, withinOwn } from '../user/api-token.service.ts';
import { deviceSignInStore } from './device-sign-in.store.ts';
import { newUserCode, parseUserCode } from './user-code.ts';

export const CODE_SECONDS = 600;
const INTERVAL_SECONDS = 5;
/** Added for whoever asks sooner than that (RFC 8628 §3.5). */
const SLOWER_SECONDS = 5;
const SLOWEST_SECONDS = 60;
/** An answer and a question may be on their way for different times. */
const SLACK_MS = 500;
/** As long as what `easel sign-in` gets by a browser. */
const TOKEN_DAYS = 90;
const MAX_NAME = 100;
/** A classroom behind one address begins at once; a script that begins for ever is told. */
const BEGINS_PER_WINDOW = 60;
const WRONG_CODES_PER_WINDOW = 50;
const WINDOW_SECONDS = 900;
/** With so many open ones at once, ten guesses find one with a chance of 1 in 250,000. */
const MAX_OPEN = 10_000;

export interface Begun {
  deviceCode: string;
  userCode: string;
  expiresInSeconds: number;
  intervalSeconds: number;
}

/** What a device is told. `unknown`: there is no such code, or it has given its token. */
export type Polled = { state: 'waiting' | 'tooSoon' | 'refused' | 'expired' | 'unknown' } | { token: string };

export class DeviceSignInService {
  readonly #parts: DeviceSignInServiceParts;
  readonly #db: Db;
  readonly #begins: RateLimit;
  readonly #wrong: RateLimit;

  constructor(parts: DeviceSignInServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
    const windowSeconds = WINDOW_SECONDS;
    this.#begins = new RateLimit({ max: BEGINS_PER_WINDOW, windowSeconds, clock: parts.clock });
    this.#wrong = new RateLimit({ max: WRONG_CODES_PER_WINDOW, windowSeconds, clock: parts.clock });
  }

  /** Throws RATE_LIMITED. */
  async begin(from: { name: string | null; address: string }): Promise<Begun> {
    this.#begins.check(from.address);
    this.#begins.count(from.address);
    const createdAt = this.#now();
    if ((await reading(() => deviceSignInStore.countOpen(this.#db, createdAt))) >= MAX_OPEN) {
      const message = 'too many machines wait to be signed in at this moment: try again in some minutes';
      throw new AppError({ code: 'RATE_LIMITED', message, details: { retryAfterSeconds: CODE_SECONDS } });
    }
    const deviceCode = newSecret();
    const userCode = newUserCode();
    await reading(() =>
      deviceSignInStore.insert(this.#db, {
        deviceCodeHash: hashSecret(deviceCode),
        userCodeHash: this.#hashOf(parseUserCode(userCode) ?? ''),
        name: nameOf(from.name),
        address: from.address || null,
        createdAt,
        expiresAt: new Date(createdAt.getTime() + CODE_SECONDS * 1000),
        intervalSeconds: INTERVAL_SECONDS,
      }),
    );
    return { deviceCode, userCode, expiresInSeconds: CODE_SECONDS, intervalSeconds: INTERVAL_SECONDS };
  }

  /** Throws RATE_LIMITED for an address that tries codes, and QUOTA_EXCEEDED for a person with too many tokens. */
  async poll(deviceCode: string, address: string): Promise<Polled> {
    this.#wrong.check(address);
    const deviceCodeHash = hashSecret(deviceCode);
    const row = await reading(() => deviceSignInStore.findByDevice(this.#db, deviceCodeHash));
    if (!row) {
      this.#wrong.count(address);
      return { state: 'unknown' };
    }
    const now = this.#now();
    if (row.state === 'used') return { state: 'unknown' };
    if (row.expiresAt <= now) return { state: 'expired' };
    if (row.state === 'refused' || row.user?.disabledAt) return { state: 'refused' };
    if (row.state === 'allowed') return this.#tokenFor(row, address);
    const isTooSoon = row.polledAt !== null && now.getTime() - row.polledAt.getTime() < waitMs(row);
    const slower = Math.min(row.intervalSeconds + SLOWER_SECONDS, SLOWEST_SECONDS);
    const intervalSeconds = isTooSoon ? slower : row.intervalSeconds;
    await reading(() => deviceSignInStore.setPolled(this.#db, deviceCodeHash, { polledAt: now, intervalSeconds }));
    return { state: isTooSoon ? 'tooSoon' : 'waiting' };
  }

  /** Who waits for an answer to this code; null when nobody does. Throws RATE_LIMITED for whoever tries codes. */
  async show(actor: Actor, code: string, address: string | null): Promise<DeviceSignIn | null> {
    const { userId } = asUser(actor);
    return this.#guarded({ userId, code, address }, (userCodeHash) =>
      deviceSignInStore.findWaiting(this.#db, userCodeHash, this.#now()),
    );
  }

  /** Throws NOT_FOUND for a code that nobody waits with, and FORBIDDEN for whoever may make no token of his own. */
  async answer(
    actor: Actor,
    code: string,
    { isAllowed, address }: { isAllowed: boolean; address: string | null },
  ): Promise<DeviceSignIn> {
    const { userId } = asUser(actor);
    if (isAllowed) {
      mustMay(actor, 'apiToken.make', { ownerId: userId });
      withinOwn(actor, null);
    }
    const state = isAllowed ? 'allowed' : 'refused';
    const row = await this.#guarded({ userId, code, address }, (userCodeHash) =>
      deviceSignInStore.answer(this.#db, { userCodeHash, now: this.#now(), state, userId }),
    );
    if (!row) throw notFound('code: it was used, or is older than ten minutes. Run `easel sign-in --device` again');
    return row;
  }

  sweep(): Promise<void> {
    return reading(() => deviceSignInStore.sweep(this.#db, this.#now()));
  }

  /** Counts before it looks: many at once are not more than one after the other. */
  async #guarded<T>(
    { userId, code, address }: { userId: UserId; code: string; address: string | null },
    work: (userCodeHash: string) => Promise<T | null>,
  ): Promise<T | null> {
    const attempt = this.#parts.attempts.begin(address ?? '', userId);
    const typed = parseUserCode(code);
    const found = typed === null ? null : await reading(() => work(this.#hashOf(typed)));
    if (found !== null) attempt.succeeded();
    return found;
  }

  /** Once: the second of two that ask at the same moment is told that the code is used. */
  async #tokenFor(
    {
      deviceCodeHash,
      name,
      user,
      userId: owner,
    }: NonNullable<Awaited<ReturnType<typeof deviceSignInStore.findByDevice>>>,
    address: string,
  ): Promise<Polled> {
    const { apiTokens, audit, notifications } = this.#parts;
    const userId = owner as UserId;
    const act = {
      action: 'signInDevice',
      actor: ANONYMOUS,
      as: { userId, login: user?.login ?? '' },
      from: { address: address || null, requestId: null },
      thingName: name,
    };
    try {
      const { token } = await audit.during(act, () =>
        apiTokens.makeAllowed(userId, { name, days: TOKEN_DAYS }, async (tx) => {
          const now = this.#now();
          if (!(await deviceSignInStore.use(tx, deviceCodeHash, now))) throw notFound('code');
          const values = { device: name, address: address || 'an unknown address', when: now.toISOString() };
          await notifications.tell(tx, { userId, kind: 'newCommand', values });
        }),
      );
      return { token };
    } catch (err) {
      if (err instanceof AppError && err.code === 'NOT_FOUND') return { state: 'unknown' };
      throw err;
    }
  }

  #hashOf(userCode: string): string {
    return this.#parts.key.mac(userCode, 'device_sign_ins.user_code');
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

interface DeviceSignInServiceParts {
  db: Db;
  clock: Clock;
  key: ServerKey;
  audit: AuditService;
  apiTokens: ApiTokenService;
  /** Of its own: wrong codes here cost nobody a try of his second factor. */
  attempts: FactorAttempts;
  notifications: Pick<NotificationService, 'tell'>;
}

function waitMs({ intervalSeconds }: DeviceSignIn): number {
  return intervalSeconds * 1000 - SLACK_MS;
}

/** What the machine calls itself: anybody's text, which a person reads. Nothing in it may hide or turn round the rest. */
function nameOf(given: string | null): string {
  return [...(given ?? '').replace(/\p{C}/gu, '').trim()].slice(0, MAX_NAME).join('') || 'a machine without a name';
}
