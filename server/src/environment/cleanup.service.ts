/**
 * Deletes environments that nobody has used for so many days, where the administrator has said how many. Whoever owns one is
 * warned before; it is deleted when the warning has been out for the whole notice, and the environment is still as unused as
 * it was then. A start ends it, and so does whoever says that it is kept. What runs is never looked at.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { EnvironmentId } from '@easel/schema/ids';
import type { Actor } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import type { UserService } from '../user/user.service.ts';
import { cleanupOf, type PlannedCleanup, type Policy } from './cleanup.ts';
import type { EnvironmentService } from './environment.service.ts';
import { environmentStore } from './environment.store.ts';
import type { EnvironmentRow } from './environment-row.ts';
import { adjust, transition } from './transition.ts';

/** The rest has its turn minutes later. */
const PER_TURN = 200;

export class CleanupService {
  readonly #parts: CleanupServiceParts;
  readonly #db: Db;

  constructor(parts: CleanupServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** When it is going to be deleted if nobody uses it; null: it is not. */
  of(row: Parameters<typeof cleanupOf>[0]): PlannedCleanup | null {
    const { policy } = this.#parts;
    return policy && cleanupOf(row, policy, this.#now());
  }

  /** Counts as a use: it is deleted a whole period later, if at all. Throws NOT_FOUND, or WRONG_STATE for what is going. */
  async keep(actor: Actor, id: string): Promise<EnvironmentRow> {
    const found = await this.#parts.environments.get(actor, id, 'operate');
    return inTransaction(this.#db, async (tx) => {
      const kept = { keptAt: this.#now(), cleanupAt: null, cleanupWarnedAt: null };
      const row = await adjust(tx, found.id, ({ desired }) => (desired === 'deleted' ? null : kept));
      if (row) return row;
      throw new AppError({ code: 'WRONG_STATE', message: 'this environment is being deleted already' });
    });
  }

  /** Warns of what is due to be warned of, and deletes what is due to be deleted. One that fails does not keep the others. */
  async sweep(): Promise<void> {
    const { policy } = this.#parts;
    const now = this.#now();
    // Whoever turns it on again begins with warnings.
    if (!policy) return reading(() => environmentStore.forgetCleanups(this.#db));
    await this.#each(await reading(() => environmentStore.dueForCleanup(this.#db, now, PER_TURN)), this.#delete);
    await this.#each(await reading(() => environmentStore.dueForWarning(this.#db, policy, now, PER_TURN)), this.#warn);
  }

  async #each(ids: readonly EnvironmentId[], work: (tx: Tx, row: EnvironmentRow, policy: Policy) => Promise<void>) {
    const { policy, log } = this.#parts;
    for (const environmentId of ids) {
      try {
        await inTransaction(this.#db, async (tx) => {
          // Held from here on: a start that comes now finds what was decided.
          const row = policy && (await environmentStore.lock(tx, environmentId));
          if (row) await work(tx, row, policy);
        });
      } catch (err) {
        log.warn({ environmentId, err }, 'unused environment not cleaned up');
      }
    }
  }

  readonly #warn = async (tx: Tx, row: EnvironmentRow, policy: Policy): Promise<void> => {
    const now = this.#now();
    const planned = cleanupOf(row, policy, now);
    if (!planned || row.cleanupAt !== null || planned.warnAt > now) return;
    await adjust(tx, row.id, () => ({ cleanupAt: planned.at, cleanupWarnedAt: now }));
    // Somebody must know: for who cannot be told, or is nobody, it is the administrators.
    const owner = await this.#parts.users.recipient(tx, row.ownerId);
    await this.#parts.notifications.tell(tx, {
      ...(owner ? { userId: row.ownerId } : { everyAdministrator: true }),
      kind: 'cleanupWarning',
      thingId: row.id,
      values: { name: row.name, date: planned.at.toISOString() },
      key: `${row.id} ${planned.at.toISOString()}`,
    });
    this.#parts.log.info(
      { environmentId: row.id, cleanupAt: planned.at.toISOString() },
      'owner of unused environment warned',
    );
  };

  readonly #delete = async (tx: Tx, row: EnvironmentRow, policy: Policy): Promise<void> => {
    const now = this.#now();
    const planned = cleanupOf(row, policy, now);
    if (!planned) return;
    // Used or kept since, or the rule has changed: whoever is deleted for it is warned anew.
    if (!planned.isWarned) return void (await adjust(tx, row.id, () => ({ cleanupAt: null, cleanupWarnedAt: null })));
    if (planned.at > now) return;
    const reason = `Nobody has used it for ${policy.days} days.`;
    const done = await transition(tx, {
      environmentId: row.id,
      event: 'deleteAsked',
      actor: 'server',
      now,
      facts: { reason },
    });
    if (!done) return;
    const act = {
      action: 'deleteEnvironment',
      actor: { kind: 'server' },
      from: { address: null, requestId: null },
      thingId: row.id,
      thingName: row.name,
      args: { reason, warnedAt: row.cleanupWarnedAt },
    } as const;
    await this.#parts.audit.record(act, 'done', tx);
  };

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

interface CleanupServiceParts {
  db: Db;
  clock: Clock;
  log: Log;
  environments: Pick<EnvironmentService, 'get'>;
  users: Pick<UserService, 'recipient'>;
  notifications: Pick<NotificationService, 'tell'>;
  audit: Pick<AuditService, 'record'>;
  /** Null: nothing is deleted by itself. */
  policy: Policy | null;
}
