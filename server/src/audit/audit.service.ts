/**
 * The audit log: who did what, from where, and what came of it.
 *
 * Write-ahead: an act is stored as `begun` before it is done, and its outcome after. A server that is killed between leaves
 * an entry that says so; nothing is done without a trace, and nothing is done at all while the database is away. Entries
 * are sealed into a chain (archive.ts), and from then on never written again.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import type { Actor } from '../actor.ts';
import { type Db, reading, type Tx } from '../db.ts';
import type { AuditEntry } from '../generated/prisma/client.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { mustMay } from '../rights/may.ts';
import { type Verified, verify } from './archive.ts';
import { type AuditFilter, auditStore, type NewAuditEntry } from './audit.store.ts';
import { detailsOf } from './details.ts';

/** Where an act comes from. */
export interface Origin {
  address: string | null;
  requestId: string | null;
}

export interface Act {
  action: string;
  actor: Actor;
  /** Who it turned out to be: at a sign-in nobody asks yet. */
  as?: { userId: UserId; login: string };
  from: Origin;
  thingId?: string | null;
  thingName?: string | null;
  /** Told without what could be a secret. */
  args?: Record<string, unknown>;
}

/** The same entry of somebody who enters again is not stored more often: a jump asks for every channel. */
const ENTERED_EVERY_MS = 15 * 60_000;
const MAX_REMEMBERED = 10_000;

export class AuditService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #objects: ObjectStore;
  readonly #log: Log;
  readonly #entered = new Map<string, number>();

  constructor(parts: { db: Db; objects: ObjectStore; clock: Clock; log: Log }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#objects = parts.objects;
    this.#log = parts.log;
  }

  /** Does the work between the two writes. Throws what it throws; STORE_UNAVAILABLE before it when nothing can be stored. */
  async during<T>(act: Act, work: () => Promise<T>): Promise<T> {
    const id = await reading(() => auditStore.insert(this.#db, this.#entryOf(act, 'begun')));
    try {
      const result = await work();
      await this.#end(id, { outcome: 'done', ...thingOf(result) });
      return result;
    } catch (err) {
      await this.#end(id, { outcome: err instanceof AppError ? err.code : 'INTERNAL' });
      throw err;
    }
  }

  /** An act that is over. `outcome` is `done` or an error's code. With `tx`, it is told if and only if that commits. */
  async record(act: Act, outcome: string, tx?: Tx): Promise<void> {
    await reading(() => auditStore.insert(tx ?? this.#db, this.#entryOf(act, outcome)));
  }

  /** That somebody went into an environment; once in a while for the same way in. */
  async entered(act: Act & { thingId: string }): Promise<void> {
    const { actor, from, thingId, action } = act;
    const key = JSON.stringify([action, thingId, actor.kind === 'user' ? actor.credential.id : null, from.address]);
    const now = this.#clock.now();
    if (now - (this.#entered.get(key) ?? Number.NEGATIVE_INFINITY) < ENTERED_EVERY_MS) return;
    await this.record(act, 'done');
    this.#entered.delete(key);
    this.#entered.set(key, now);
    for (const oldest of this.#entered.keys()) {
      if (this.#entered.size <= MAX_REMEMBERED) break;
      this.#entered.delete(oldest);
    }
  }

  /** The newest first. Throws FORBIDDEN. */
  async page(actor: Actor, query: Parameters<typeof auditStore.page>[1], filter: AuditFilter): Promise<AuditEntry[]> {
    mustMay(actor, 'audit.read');
    return reading(() => auditStore.page(this.#db, query, filter));
  }

  /** Walks through the whole chain. Throws FORBIDDEN, or OBJECT_STORE_UNAVAILABLE. */
  async verify(actor: Actor): Promise<Verified> {
    mustMay(actor, 'audit.read');
    return verify({ db: this.#db, objects: this.#objects });
  }

  /** The act has been done, or not, whatever happens here: the entry then says `begun` for ever. */
  async #end(id: string, ended: Parameters<typeof auditStore.end>[2]): Promise<void> {
    try {
      await reading(() => auditStore.end(this.#db, id, ended));
    } catch (err) {
      this.#log.warn({ err }, 'the outcome of an act was not stored');
    }
  }

  #entryOf({ action, actor, as, from, thingId, thingName, args = {} }: Act, outcome: string): NewAuditEntry {
    return {
      at: new Date(this.#clock.now()),
      ...whoIs(actor),
      ...(as ? { actorKind: 'user', actorId: as.userId, actorLogin: as.login } : {}),
      ...from,
      action,
      thingId: thingId ?? null,
      thingName: thingName?.slice(0, 200) ?? null,
      outcome,
      details: detailsOf(args),
    };
  }
}

function whoIs(actor: Actor): Pick<NewAuditEntry, 'actorKind' | 'actorId' | 'actorLogin' | 'credentialId'> {
  if (actor.kind === 'anonymous') {
    return { actorKind: actor.kind, actorId: null, actorLogin: null, credentialId: null };
  }
  if (actor.kind === 'platform') {
    const { platformId, name, credentialId } = actor;
    return { actorKind: actor.kind, actorId: platformId, actorLogin: name, credentialId };
  }
  return {
    actorKind: actor.kind,
    actorId: actor.userId,
    actorLogin: actor.login,
    credentialId: actor.credential.id,
  };
}

/** What came out of the act has an id, and mostly a name, or holds what has. */
function thingOf(result: unknown): { thingId?: string; thingName?: string } {
  if (result === null || typeof result !== 'object') return {};
  const { id, name, login } = result as { id?: unknown; name?: unknown; login?: unknown };
  if (typeof id === 'string') {
    const named = typeof login === 'string' ? login : name;
    return { thingId: id, ...(typeof named === 'string' ? { thingName: named.slice(0, 200) } : {}) };
  }
  const inner = Object.values(result).find((value) => typeof value === 'object' && value !== null && 'id' in value);
  return inner === undefined ? {} : thingOf(inner);
}
