/** Computing platforms: which there are, whether their scheduler is heard of, and how to reach into them. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { PlatformId } from '@easel/schema/ids';
import { z } from 'zod';
import type { PlatformActor } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import { parseInput } from '../parse-input.ts';
import { hashSecret } from '../secrets.ts';
import { type PlatformRow, platformStore } from './platform.store.ts';

/** Schedulers beat every 10 s; three missed ones and a bit mean that nobody is there. */
const ONLINE_FOR_MS = 35_000;
/** Read at every ticket and every access; changes only with the scheduler's own heartbeat. */
const CACHE_MS = 5_000;

const address = (protocols: RegExp) =>
  z
    .url({ protocol: protocols })
    .max(500)
    .nullish()
    .transform((url) => url ?? null);

export const platformHeartbeatSchema = z.object({
  version: z
    .string()
    .max(50)
    .nullish()
    .transform((text) => text ?? null),
  kind: z.string().min(1).max(50),
  runtime: z
    .enum(['docker', 'process'])
    .nullish()
    .transform((runtime) => runtime ?? null),
  relayUrl: address(/^wss?$|^https?$/),
  workerRelayUrl: address(/^wss?$|^https?$/),
  sshHost: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'expected a host name or an address')
    .nullish()
    .transform((host) => host ?? null),
  sshPort: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .nullish()
    .transform((port) => port ?? null),
  notice: z
    .string()
    .max(1000)
    .nullish()
    .transform((text) => text ?? null),
  isIsolated: z
    .boolean()
    .nullish()
    .transform((isIsolated) => isIsolated ?? true),
});

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

  list(): Promise<PlatformRow[]> {
    return reading(() => platformStore.list(this.#db));
  }

  isOnline(row: { lastSeenAt: Date | null }): boolean {
    return row.lastSeenAt !== null && this.#clock.now() - row.lastSeenAt.getTime() < ONLINE_FOR_MS;
  }

  /** Where a new environment goes: a platform that is online, else any. Throws PLATFORM_UNAVAILABLE when there is none. */
  async choose(): Promise<PlatformRow> {
    const rows = await this.list();
    const row = rows.find((row) => this.isOnline(row)) ?? rows[0];
    if (row) return row;
    throw new AppError({
      code: 'PLATFORM_UNAVAILABLE',
      message: 'there is no computing platform yet: start a scheduler with a platform token',
    });
  }

  async authenticate(token: string): Promise<PlatformActor | null> {
    const row = await reading(() => platformStore.findByToken(this.#db, hashSecret(token)));
    return row && { kind: 'platform', platformId: row.id, name: row.name };
  }

  async heartbeat(actor: PlatformActor, input: z.input<typeof platformHeartbeatSchema>): Promise<PlatformRow> {
    const fields = parseInput(platformHeartbeatSchema, input);
    const now = new Date(this.#clock.now());
    const row = await reading(() => platformStore.setSeen(this.#db, actor.platformId, fields, now));
    this.#cache.set(row.id, { readAtMs: this.#clock.now(), row });
    return row;
  }

  /** Makes the platform that is installed with this server, or gives it its present name and token. */
  async ensureLocal(name: string, token: string): Promise<void> {
    await inTransaction(this.#db, (tx) => platformStore.upsertLocal(tx, name, hashSecret(token)));
  }
}
