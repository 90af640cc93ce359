/**
 * What administrators do with computing platforms: connect one by a token, set it up, drain it, remove it. Settings are
 * stored as they are asked for and tried out by the platform's scheduler, which says in its next heartbeat whether it took
 * them; until then, and when it did not, it works on by the ones that it has.
 */

import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId, type PlatformId, type UserId } from '@easel/schema/ids';
import { nameSchema } from '@easel/schema/names';
import { platformSettingsSchema } from '@easel/schema/platform-settings';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx, uniqueViolation } from '../db.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import { hashSecret, newToken } from '../secrets.ts';
import type { PlatformService } from './platform.service.ts';
import { platformStore } from './platform.store.ts';
import type { PlatformRow } from './platform-row.ts';

const createPlatformSchema = z.object({ name: nameSchema });

/** A platform, and the token that was made for its scheduler, relay and jump: shown this once. */
export interface PlatformWithToken {
  platform: PlatformRow;
  token: string;
}

export interface PlatformAdminParts {
  db: Db;
  clock: Clock;
  platforms: PlatformService;
  contents: PlatformContents;
}

/** What lies on a platform, and keeps it from being removed. */
export interface PlatformContents {
  /** Each kind as words like "3 environments". */
  count(tx: Tx, id: PlatformId): Promise<string[]>;
  /** Deletes all of it here, of a platform whose scheduler will never do it. */
  abandon(id: PlatformId, by: { actor: UserId; reason: string }): Promise<void>;
}

export class PlatformAdminService {
  readonly #parts: PlatformAdminParts;
  readonly #db: Db;

  constructor(parts: PlatformAdminParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Another platform than that of this machine, which makes itself known: a cluster's. */
  async create(actor: Actor, input: z.input<typeof createPlatformSchema>): Promise<PlatformWithToken> {
    mustMay(actor, 'platform.change');
    const { name } = parseInput(createPlatformSchema, input);
    const token = newToken('platform');
    try {
      const platform = await inTransaction(this.#db, async (tx) => {
        const row = await platformStore.insert(tx, { name, kind: 'kubernetes', tokenHash: hashSecret(token) });
        await notifyInTransaction(tx, { platforms: [row.id] });
        return row;
      });
      return { platform, token };
    } catch (err) {
      if (uniqueViolation(err) === null) throw err;
      throw new AppError({
        code: 'NAME_TAKEN',
        message: `there is already a computing platform "${name}": choose another name`,
      });
    }
  }

  /** The old token opens nothing from now on; what runs goes on, and scheduler, relay and jump need the new one. */
  async rotateToken(actor: Actor, id: string): Promise<PlatformWithToken> {
    const token = newToken('platform');
    const platform = await this.#change(actor, id, async (tx, row) => {
      if (row.kind === 'local') throw localOnly('its token is made anew at every start of the server');
      await platformStore.setToken(tx, row.id, hashSecret(token));
    });
    return { platform, token };
  }

  /** Throws INVALID_INPUT with the path of each field that is wrong. */
  async updateSettings(actor: Actor, id: string, input: unknown): Promise<PlatformRow> {
    mustMay(actor, 'platform.change');
    const settings = parseInput(platformSettingsSchema, input);
    return this.#change(actor, id, async (tx, row) => {
      if (row.kind === 'local') throw localOnly('these settings are for platforms in Kubernetes');
      await platformStore.setSettings(tx, row.id, settings);
    });
  }

  setDraining(actor: Actor, id: string, isDraining: boolean): Promise<PlatformRow> {
    return this.#change(actor, id, (tx, row) => platformStore.setDraining(tx, row.id, isDraining));
  }

  /**
   * Throws WRONG_STATE while something lies there that only its scheduler can delete. With `force`, what lies there is given
   * up: for a cluster that is gone for good. That is refused as long as its scheduler is heard of, which could delete it.
   */
  async remove(actor: Actor, id: string, options: { force: boolean }): Promise<PlatformRow> {
    if (options.force) await this.#abandon(actor, id);
    return this.#change(actor, id, async (tx, row) => {
      const holds = await this.#parts.contents.count(tx, row.id);
      if (holds.length > 0) {
        const advice = this.#parts.platforms.isOnline(row)
          ? 'delete them first'
          : 'delete them first, or remove it with force if its cluster is gone for good';
        throw new AppError({
          code: 'WRONG_STATE',
          message: `the computing platform "${row.name}" still has ${holds.join(' and ')}: ${advice}`,
          details: { holds },
        });
      }
      await platformStore.setRemoved(tx, row, new Date(this.#parts.clock.now()));
    });
  }

  /** Drained first, so that nothing new comes; in portions, since there may be thousands. */
  async #abandon(actor: Actor, id: string): Promise<void> {
    const row = await this.#change(actor, id, async (tx, row) => {
      if (this.#parts.platforms.isOnline(row)) {
        const message = `the scheduler of "${row.name}" is heard of, and can delete what lies there: delete it first, or stop the scheduler`;
        throw new AppError({ code: 'WRONG_STATE', message });
      }
      await platformStore.setDraining(tx, row.id, true);
    });
    const reason = `The computing platform "${row.name}" was removed.`;
    await this.#parts.contents.abandon(row.id, { actor: asUser(actor).userId, reason });
  }

  /** One change at a time; the scheduler and all who look at it are told. */
  async #change(actor: Actor, id: string, write: (tx: Tx, row: PlatformRow) => Promise<void>): Promise<PlatformRow> {
    mustMay(actor, 'platform.change');
    const row = await inTransaction(this.#db, async (tx) => {
      const known = isId('platform', id) ? id : null;
      if (known) await platformStore.lock(tx, known);
      const row = known && (await platformStore.find(tx, known));
      if (!row || row.removedAt) throw notFound('computing platform');
      await write(tx, row);
      await notifyInTransaction(tx, { platforms: [row.id], placements: [row.id] });
      return row;
    });
    this.#parts.platforms.forget(row.id);
    const changed = await reading(() => platformStore.find(this.#db, row.id));
    if (!changed) throw notFound('computing platform');
    return changed;
  }
}

function localOnly(why: string): AppError {
  return new AppError({ code: 'WRONG_STATE', message: `this is the platform of the server's own machine: ${why}` });
}
