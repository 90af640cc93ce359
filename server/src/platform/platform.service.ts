/** Computing platforms: which there are, whether their scheduler is heard of, and how to reach into them. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { PlatformId } from '@easel/schema/ids';
import type { z } from 'zod';
import type { PlatformActor } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { parseInput } from '../parse-input.ts';
import { hashSecret } from '../secrets.ts';
import { jumpHeartbeatSchema, platformHeartbeatSchema } from './heartbeat.ts';
import { platformStore } from './platform.store.ts';
import type { PlatformRow } from './platform-row.ts';

/** Schedulers beat every 10 s; three missed ones and a bit mean that nobody is there. */
const ONLINE_FOR_MS = 35_000;
/** Read at every ticket and every access; changes only with the scheduler's own heartbeat. */
const CACHE_MS = 5_000;
/** How often `tellSilent` is called. */
export const SILENT_EVERY_MS = 10_000;

export class PlatformService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #cache = new Map<PlatformId, { readAtMs: number; row: PlatformRow | null }>();

  constructor(parts: { db: Db; clock: Clock }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
  }

  /** May be some seconds old. */
  async find(id: PlatformId): Promise<PlatformRow | null> {
    const now = this.#clock.now();
    const cached = this.#cache.get(id);
    if (cached && now - cached.readAtMs < CACHE_MS) return cached.row;
    const row = await reading(() => platformStore.find(this.#db, id));
    this.#cache.set(id, { readAtMs: now, row });
    return row;
  }

  #remember(row: PlatformRow): void {
    this.#cache.set(row.id, { readAtMs: this.#clock.now(), row });
  }

  /** As it is now, also when it is removed. */
  read(id: PlatformId): Promise<PlatformRow | null> {
    return reading(() => platformStore.find(this.#db, id));
  }

  /** Those that are not removed, by name. */
  list(): Promise<PlatformRow[]> {
    return reading(() => platformStore.list(this.#db));
  }

  isOnline(row: { lastSeenAt: Date | null }): boolean {
    return row.lastSeenAt !== null && this.#clock.now() - row.lastSeenAt.getTime() < ONLINE_FOR_MS;
  }

  /**
   * Where a new environment goes: the platform of this id or name; or one that is not drained, rather one that is online,
   * or was at some time. Throws NOT_FOUND, WRONG_STATE for one that is drained, PLATFORM_UNAVAILABLE when there is none.
   */
  async choose(wanted: string | null): Promise<PlatformRow> {
    const rows = await this.list();
    if (wanted !== null) {
      const row = rows.find(({ id, name }) => id === wanted || name === wanted);
      if (!row) throw new AppError({ code: 'NOT_FOUND', message: `there is no computing platform "${wanted}"` });
      refuseDraining(row);
      return row;
    }
    const open = rows.filter((row) => !row.isDraining);
    const row = open.find((row) => this.isOnline(row)) ?? open.find((row) => row.lastSeenAt !== null) ?? open[0];
    if (row) return row;
    throw new AppError({
      code: 'PLATFORM_UNAVAILABLE',
      message:
        rows.length === 0
          ? 'there is no computing platform yet: start a scheduler with a platform token'
          : 'every computing platform is being drained: ask an administrator',
    });
  }

  async authenticate(token: string): Promise<PlatformActor | null> {
    const tokenHash = hashSecret(token);
    const row = await reading(() => platformStore.findByToken(this.#db, tokenHash));
    return (
      row && { kind: 'platform', platformId: row.id, name: row.name, credentialId: credentialOf(row.id, tokenHash) }
    );
  }

  /** Tells readers only when something that they see has changed. */
  async heartbeat(actor: PlatformActor, input: z.input<typeof platformHeartbeatSchema>): Promise<PlatformRow> {
    const { settingsVersion, ...fields } = parseInput(platformHeartbeatSchema, input);
    const now = new Date(this.#clock.now());
    const row = await inTransaction(this.#db, async (tx) => {
      const before = await platformStore.find(tx, actor.platformId);
      // A scheduler that has just started says none, and asks here what it had.
      const settingsAppliedVersion = settingsVersion ?? before?.settingsAppliedVersion ?? null;
      const said = { ...fields, settingsAppliedVersion };
      const after = await platformStore.setSeen(tx, actor.platformId, said, now);
      if (before?.settingsAppliedVersion !== settingsAppliedVersion) {
        // Of a version that has been replaced meanwhile, nobody knows the settings any more.
        after.appliedSettings = settingsAppliedVersion === after.settingsVersion ? after.settings : null;
        await platformStore.setApplied(tx, after);
      }
      if (!before || !this.isOnline(before) || !isSameSaid(before, after)) {
        await notifyInTransaction(tx, { platforms: [after.id] });
      }
      return after;
    });
    this.#remember(row);
    return row;
  }

  /** The public host keys of the platform's jump, which clients check it by. All its jumps have the same. */
  async jumpHeartbeat(actor: PlatformActor, input: z.input<typeof jumpHeartbeatSchema>): Promise<void> {
    const { sshHostKeys } = parseInput(jumpHeartbeatSchema, input);
    const row = await this.find(actor.platformId);
    if (row && JSON.stringify(row.sshHostKeys) === JSON.stringify(sshHostKeys)) return;
    await inTransaction(this.#db, async (tx) => {
      await platformStore.setSshHostKeys(tx, actor.platformId, sshHostKeys);
      await notifyInTransaction(tx, { platforms: [actor.platformId] });
    });
    this.forget(actor.platformId);
  }

  /** Those that have just fallen silent: nobody says so of them, so whoever looks at them is told now. */
  async tellSilent(): Promise<void> {
    const to = this.#clock.now() - ONLINE_FOR_MS;
    const from = new Date(to - 2 * SILENT_EVERY_MS);
    await inTransaction(this.#db, async (tx) => {
      await notifyInTransaction(tx, { platforms: await platformStore.lastSeenBetween(tx, from, new Date(to)) });
    });
  }

  /** Keeps it from being removed until the transaction ends. Throws WRONG_STATE when it is already. */
  async hold(tx: Tx, id: PlatformId): Promise<void> {
    if (await platformStore.share(tx, id)) return;
    throw new AppError({ code: 'WRONG_STATE', message: 'this computing platform was removed: choose another one' });
  }

  /** The next `find` reads the row. */
  forget(id: PlatformId): void {
    this.#cache.delete(id);
  }

  /** Makes the platform that is installed with this server, or gives it its present name and token. */
  async ensureLocal(name: string, token: string): Promise<void> {
    await inTransaction(this.#db, (tx) => platformStore.upsertLocal(tx, name, hashSecret(token)));
  }
}

/** A new token is another credential: sockets that an old one opened end. `authentication.ts` asks for it in SQL. */
function credentialOf(platformId: PlatformId, tokenHash: string): string {
  return `${platformId}.${tokenHash.slice(0, 16)}`;
}

/** Throws WRONG_STATE where nothing is to start any more. */
export function refuseDraining(row: PlatformRow): void {
  if (!row.isDraining) return;
  throw new AppError({
    code: 'WRONG_STATE',
    message: `the computing platform "${row.name}" is being drained and starts nothing: choose another one, or ask an administrator`,
    details: { platform: row.name },
  });
}

/** All that readers see but the time. */
function isSameSaid(before: PlatformRow, after: PlatformRow): boolean {
  const seen = ({ lastSeenAt: _, ...said }: PlatformRow) => JSON.stringify(said);
  return seen(before) === seen(after);
}
