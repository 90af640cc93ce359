/** Snapshots of an environment's volume, as people take, list, restore and delete them. */

import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId, type PlatformId, type SnapshotId } from '@easel/schema/ids';
import type { EnvironmentPhase } from '@easel/schema/states/environment';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx, uniqueViolation } from '../db.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { EnvironmentRow } from '../environment/environment-row.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { parseInput } from '../parse-input.ts';
import type { PlatformService } from '../platform/platform.service.ts';
import { may } from '../rights/may.ts';
import type { UserService } from '../user/user.service.ts';
import { FREEZE_SECONDS, raise, readyBy, snapshotFacts } from './snapshot.facts.ts';
import { snapshotStore } from './snapshot.store.ts';
import type { Freeze, SnapshotRow } from './snapshot-row.ts';

const snapshotEnvironmentSchema = z.object({
  /** Id or name of the environment. */
  id: z.string().min(1).max(200),
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^\P{Cc}*$/u, 'expected one line')
    .nullish()
    .transform((name) => name ?? null),
});

/** What is asked of the worker in each phase that has a volume at rest, or one whose worker can be reached. */
const FREEZE_IN: Partial<Record<EnvironmentPhase, Freeze>> = {
  running: 'asked',
  interrupted: 'given_up',
  stopped: 'none',
  failed: 'none',
};

export interface SnapshotServiceParts {
  db: Db;
  clock: Clock;
  environments: EnvironmentService;
  platforms: PlatformService;
  users: UserService;
  limits: { maxPerUser: number };
}

export class SnapshotService {
  readonly #parts: SnapshotServiceParts;
  readonly #db: Db;

  constructor(parts: SnapshotServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Throws NOT_FOUND for what is unknown and for what the actor must not do this with, alike. */
  async get(actor: Actor, id: string, verb: 'read' | 'restore' | 'remove'): Promise<SnapshotRow> {
    asUser(actor);
    const row = isId('snapshot', id) ? await reading(() => snapshotStore.find(this.#db, id)) : null;
    if (!row || row.state === 'deleted' || !may(actor, `snapshot.${verb}`, row)) throw notFound('snapshot');
    return row;
  }

  /** Stores the wish; the platform's scheduler does it. Throws NOT_FOUND, WRONG_STATE or QUOTA_EXCEEDED. */
  async take(actor: Actor, input: z.input<typeof snapshotEnvironmentSchema>): Promise<SnapshotRow> {
    const wish = parseInput(snapshotEnvironmentSchema, input);
    const environment = await this.#parts.environments.get(actor, wish.id, 'snapshot');
    await this.#refusePlatform(environment.platformId);
    try {
      return await inTransaction(this.#db, (tx) => this.#insert(tx, environment, wish.name));
    } catch (err) {
      if (uniqueViolation(err) === null) throw err;
      throw wrongState('another snapshot of this environment is being taken: wait until it is');
    }
  }

  /** Throws NOT_FOUND, or WRONG_STATE while an environment is being made from it. One that is going is given as it is. */
  async delete(actor: Actor, id: string): Promise<SnapshotRow> {
    const { id: snapshotId } = await this.get(actor, id, 'remove');
    return inTransaction(this.#db, async (tx) => {
      const row = await snapshotStore.lock(tx, snapshotId);
      if (!row) throw notFound('snapshot');
      const names = await this.#parts.environments.beingRestored(tx, snapshotId);
      if (names.length > 0) throw wrongState(`${names.join(', ')} is being made from it: wait until it has started`);
      await snapshotFacts.apply(tx, row, 'deleteAsked', { reason: null, deadlineAt: null });
      return (await snapshotStore.find(tx, snapshotId)) ?? row;
    });
  }

  /** The snapshot to make an environment from, and the environment that it was taken of. Throws NOT_FOUND or WRONG_STATE. */
  async toRestore(actor: Actor, id: string): Promise<{ snapshot: SnapshotRow; source: EnvironmentRow }> {
    const snapshot = await this.get(actor, id, 'restore');
    refuseUnready(snapshot);
    const source = await this.#parts.environments.findEver(snapshot.environmentId);
    if (!source) throw notFound('snapshot');
    return { snapshot, source };
  }

  /** Keeps it from being deleted until the transaction ends. Throws WRONG_STATE when it is going already. */
  async hold(tx: Tx, id: SnapshotId): Promise<void> {
    const row = await snapshotStore.lock(tx, id);
    if (!row) throw notFound('snapshot');
    refuseUnready(row);
  }

  /** Deletes all snapshots of a platform that is lost, without its scheduler. Each in a transaction of its own. */
  async abandonOnPlatform(platformId: PlatformId): Promise<void> {
    for (const id of await reading(() => snapshotStore.idsOnPlatform(this.#db, platformId))) {
      await inTransaction(this.#db, async (tx) => {
        const ended = { reason: null, deadlineAt: null };
        const row = await snapshotStore.lock(tx, id);
        if (!row) return;
        await snapshotFacts.apply(tx, row, 'failed', ended);
        await snapshotFacts.apply(tx, row, 'deleteAsked', ended);
        await snapshotFacts.apply(tx, row, 'deleted', { ...ended, deletedAt: new Date(this.#parts.clock.now()) });
      });
    }
  }

  countOnPlatform(tx: Tx, platformId: PlatformId): Promise<number> {
    return snapshotStore.countOnPlatform(tx, platformId);
  }

  async #insert(tx: Tx, environment: EnvironmentRow, name: string | null): Promise<SnapshotRow> {
    const { id: environmentId, ownerId, platformId } = environment;
    const { maxPerUser } = this.#parts.limits;
    await this.#parts.users.lock(tx, ownerId);
    if ((await snapshotStore.countOf(tx, ownerId)) >= maxPerUser) {
      throw new AppError({
        code: 'QUOTA_EXCEEDED',
        message: `you have ${maxPerUser} snapshots, which is the limit: delete one that you no longer need`,
        details: { limit: maxPerUser },
      });
    }
    const current = await this.#parts.environments.current(tx, environmentId);
    const freeze = FREEZE_IN[current.phase];
    if (!freeze) {
      throw new AppError({
        code: 'WRONG_STATE',
        message: `the environment is ${current.phase}: a snapshot can be taken while it runs, or is stopped or failed`,
        details: { phase: current.phase },
      });
    }
    const createdAt = new Date(this.#parts.clock.now());
    const row = await snapshotStore.insert(tx, {
      environmentId,
      ownerId,
      platformId,
      name: name ?? `${current.name} ${createdAt.toISOString().slice(0, 16).replace('T', ' ')}`,
      freeze,
      generation: freeze === 'none' ? null : current.generation,
      createdAt,
      deadlineAt: freeze === 'asked' ? new Date(createdAt.getTime() + FREEZE_SECONDS * 1000) : readyBy(createdAt),
    });
    await raise(tx, environmentId);
    const hints = { placements: [platformId], ...(freeze === 'asked' ? { workers: [environmentId] } : {}) };
    await notifyInTransaction(tx, hints);
    return row;
  }

  async #refusePlatform(id: PlatformId): Promise<void> {
    const platform = await this.#parts.platforms.find(id);
    const feature = platform?.features?.snapshots;
    if (!platform || !feature?.isAvailable) {
      const why = feature?.reason ?? `the platform "${platform?.name ?? id}" takes none`;
      throw wrongState(`snapshots are not available here: ${why}`);
    }
    if (this.#parts.platforms.isOnline(platform)) return;
    throw wrongState(`the scheduler of the platform "${platform.name}" is not heard of: try again when it is`);
  }
}

function refuseUnready(row: SnapshotRow): void {
  if (row.state === 'ready') return;
  throw new AppError({
    code: 'WRONG_STATE',
    message: `the snapshot is ${row.state}: an environment can be made from one that is ready`,
    details: { state: row.state },
  });
}

function wrongState(message: string): AppError {
  return new AppError({ code: 'WRONG_STATE', message });
}
