/**
 * An owner lets somebody else see, reach or enter one environment: for a time, or until he ends it. Whoever may stop the
 * environment may end its shares, too; only the owner gives them, so a guest never passes anything on.
 *
 * Each verb tells in its transaction whoever it concerns: who looks at the environment or at what is shared with him, and
 * the worker, which cuts what came in by a share that is over. A share that expires is over at that moment for everybody
 * who asks; the sweep only tells those who do not ask.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { isId, type ShareId, type UserId } from '@easel/schema/ids';
import { SHARE_ACCESS } from '@easel/schema/share';
import { z } from 'zod';
import { type Actor, asUser, forbidden, notFound } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { GroupService } from '../group/group.service.ts';
import { notifyInTransaction } from '../live/notify.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { RateLimit } from '../rate-limit.ts';
import { may } from '../rights/may.ts';
import type { UserService } from '../user/user.service.ts';
import { type ShareRow, shareStore } from './share.store.ts';
import { isOpenAt } from './shared-with.service.ts';

const shareSchema = z.object({
  /** Id or name. */
  environment: z.string().min(1).max(200),
  /** Login or e-mail address, exactly. */
  user: z.string().trim().min(1).max(200).nullish(),
  /** Name or id, exactly. */
  group: z.string().trim().min(1).max(200).nullish(),
  access: z.enum(SHARE_ACCESS),
  ports: z.array(z.number().int().min(1).max(65_535)).max(50).nullish(),
  expiresAt: z.date().nullish(),
  note: z.string().trim().max(200).nullish(),
});
export type ShareInput = z.input<typeof shareSchema>;

const MAX_SHARES = 100;
const MIN_LIFETIME_MS = 60_000;
const MAX_LIFETIME_MS = 366 * 86_400_000;
const DUE_PER_TURN = 200;
/** No stream lives longer, and a worker that has been away for so long is gone. */
const ENTRIES_KEPT_MS = 30 * 86_400_000;
/** People who were not found, per user: a person mistypes, a list of guesses is longer. */
const MISSES = { max: 20, windowSeconds: 600 };

export interface ShareServiceParts {
  db: Db;
  clock: Clock;
  log: Log;
  isOn: boolean;
  environments: EnvironmentService;
  users: UserService;
  groups: Pick<GroupService, 'find'>;
  audit: AuditService;
  notifications: Pick<NotificationService, 'tell'>;
}

export class ShareService {
  readonly #parts: ShareServiceParts;
  readonly #db: Db;
  readonly #misses: RateLimit;

  constructor(parts: ShareServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
    this.#misses = new RateLimit({ ...MISSES, clock: parts.clock });
  }

  /**
   * Shares it, in place of what was shared with the same user or group before. Throws NOT_FOUND for an environment, a user
   * or a group that is not there, QUOTA_EXCEEDED, FORBIDDEN where sharing is switched off.
   */
  async share(actor: Actor, input: ShareInput): Promise<ShareRow> {
    const { userId: ownerId } = asUser(actor);
    if (!this.#parts.isOn) throw forbidden('an administrator has switched sharing off');
    const wish = parseInput(shareSchema, input);
    const row = await this.#parts.environments.get(actor, wish.environment, 'share');
    const now = this.#now();
    const expiresAt = checkedExpiry(wish.expiresAt ?? null, now);
    const ports = checkedPorts(wish.access, wish.ports ?? []);
    const guest = await this.#guestOf(wish, ownerId);
    return inTransaction(this.#db, async (tx) => {
      await this.#parts.users.lock(tx, ownerId);
      const before = await shareStore.end(tx, { environmentId: row.id, ...guest }, { userId: ownerId, now });
      if ((await shareStore.countOpen(tx, row.id, now)) >= MAX_SHARES) {
        const message = `this environment is shared ${MAX_SHARES} times, which is the limit: end some, or share with a group`;
        throw new AppError({ code: 'QUOTA_EXCEEDED', message, details: { limit: MAX_SHARES } });
      }
      const share = await shareStore.insert(tx, {
        environmentId: row.id,
        ...guest,
        access: wish.access,
        ports,
        note: wish.note ?? '',
        createdById: ownerId,
        createdAt: now,
        expiresAt,
      });
      await this.#tell(tx, [...before, share]);
      await this.#notify(tx, 'shareReceived', share);
      return share;
    });
  }

  /** Throws NOT_FOUND for one that has ended, too, and for whom it is no business of. */
  async end(actor: Actor, id: string): Promise<ShareRow> {
    const { userId } = asUser(actor);
    const row = isId('share', id) ? await reading(() => shareStore.find(this.#db, id)) : null;
    const environment = row && (await this.#parts.environments.findEver(row.environmentId));
    if (!row || !environment || !may(actor, 'environment.unshare', environment)) throw notFound('share');
    return inTransaction(this.#db, async (tx) => {
      const [ended] = await shareStore.end(tx, { id: row.id }, { userId, now: this.#now() });
      if (!ended) throw notFound('share');
      await this.#tell(tx, [ended]);
      await this.#notify(tx, 'shareEnded', ended);
      return ended;
    });
  }

  /** Open ones of each of these environments, for whoever has been found to see them. */
  async openOf(environmentIds: readonly string[]): Promise<Map<string, ShareRow[]>> {
    const rows = await reading(() => shareStore.open(this.#db, environmentIds, this.#now()));
    return Map.groupBy(rows, ({ environmentId }) => environmentId as string);
  }

  isOpen(share: { endedAt: Date | null; expiresAt: Date | null }): boolean {
    return this.#parts.isOn && isOpenAt(share, this.#now());
  }

  /** Tells of those that have expired. Every replica may call it at any time: each share is told of once. */
  async sweep(): Promise<void> {
    const now = this.#now();
    for (const id of await reading(() => shareStore.due(this.#db, now, DUE_PER_TURN))) await this.#expire(id, now);
  }

  async forget(): Promise<void> {
    await reading(() => shareStore.forgetEntries(this.#db, new Date(this.#parts.clock.now() - ENTRIES_KEPT_MS)));
  }

  async #expire(id: ShareId, now: Date): Promise<void> {
    const ended = await inTransaction(this.#db, async (tx) => {
      const [share] = await shareStore.end(tx, { id }, { userId: null, now });
      if (share) await this.#tell(tx, [share]);
      if (share) await this.#notify(tx, 'shareEnded', share);
      return share;
    });
    if (!ended) return;
    this.#parts.log.info({ environmentId: ended.environmentId }, 'share expired');
    const from = { address: null, requestId: null };
    const act = { action: 'shareExpired', actor: { kind: 'anonymous' } as const, from, thingId: ended.id };
    await this.#parts.audit.record({ ...act, args: { environment: ended.environmentId } }, 'done');
  }

  async #guestOf(
    { user, group }: { user?: string | null | undefined; group?: string | null | undefined },
    ownerId: UserId,
  ): Promise<{ userId: string; groupId: null } | { userId: null; groupId: string }> {
    if ((user == null) === (group == null)) {
      throw invalidInput([{ path: 'user', message: 'name either a user, or a group' }]);
    }
    this.#misses.check(ownerId);
    if (user == null) {
      const found = await this.#parts.groups.find(group ?? '');
      if (found) return { userId: null, groupId: found.id };
      this.#misses.count(ownerId);
      throw new AppError({ code: 'NOT_FOUND', message: 'there is no group with exactly this name' });
    }
    const userId = await this.#userIdOf(user);
    if (userId === ownerId) {
      throw invalidInput([{ path: 'user', message: 'this is you: share with somebody else' }]);
    }
    if (userId === null) {
      this.#misses.count(ownerId);
      const message = 'there is no user with exactly this login or e-mail address: ask whom you mean for it';
      throw new AppError({ code: 'NOT_FOUND', message });
    }
    return { userId, groupId: null };
  }

  /** By exactly his login or his e-mail address; nobody who is disabled. */
  async #userIdOf(loginOrEmail: string): Promise<UserId | null> {
    const { users } = this.#parts;
    const found = loginOrEmail.includes('@')
      ? await reading(() => users.withEmail(this.#db, loginOrEmail))
      : [await users.findByLogin(loginOrEmail.toLowerCase())];
    const [one, another] = found.filter((row) => row !== null && row.disabledAt === null);
    return one && !another ? one.id : null;
  }

  async #tell(tx: Tx, shares: readonly ShareRow[]): Promise<void> {
    const [first] = shares;
    const environment = first && (await this.#parts.environments.findEver(first.environmentId));
    if (!environment) return;
    await notifyInTransaction(tx, {
      environments: [environment],
      workers: [environment.id],
      guests: shares.map(({ userId, groupId }) => userId ?? groupId ?? ''),
    });
  }

  /** A line in the guest's inbox. A group is told nothing: it may be large, and its members see the list. */
  async #notify(tx: Tx, kind: 'shareReceived' | 'shareEnded', share: ShareRow): Promise<void> {
    const { environments, users, notifications } = this.#parts;
    const environment = share.userId === null ? null : await environments.findEver(share.environmentId);
    if (!environment) return;
    const { name: by } = await users.get(environment.ownerId, tx);
    const values = { name: environment.name, by };
    const about = { userId: share.userId as UserId, thingId: environment.id, values };
    await notifications.tell(tx, kind === 'shareEnded' ? { kind, ...about } : { kind, ...about });
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

function checkedExpiry(expiresAt: Date | null, now: Date): Date | null {
  if (expiresAt === null) return null;
  const leftMs = expiresAt.getTime() - now.getTime();
  if (leftMs >= MIN_LIFETIME_MS && leftMs <= MAX_LIFETIME_MS) return expiresAt;
  const message = 'expected a time between a minute and a year from now, or none: until you end it';
  throw invalidInput([{ path: 'expiresAt', message }]);
}

function checkedPorts(access: string, ports: readonly number[]): number[] {
  if (ports.length > 0 && access !== 'ports') {
    throw invalidInput([{ path: 'ports', message: 'ports are chosen with the access "ports" alone' }]);
  }
  return [...new Set(ports)].sort((a, b) => a - b);
}
