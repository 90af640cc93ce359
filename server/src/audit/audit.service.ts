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
import { seal, type Verified, verify } from './archive.ts';
import { auditStore, type EndedAct, type NewAuditEntry } from './audit.store.ts';
import { changesOf, type Row, rowOf } from './before-after.ts';
import { Coalesced } from './coalesced.ts';
import { detailsOf } from './details.ts';
import { exported } from './export.ts';
import { FORMATS, type FormatName } from './export-format.ts';
import type { AuditFilter } from './filter.ts';

/** Where an act comes from. */
export interface Origin {
  address: string | null;
  requestId: string | null;
}

/** Who does it: somebody who asks, or this server by itself. */
export type Doer = Actor | { kind: 'server' };

export interface Act {
  action: string;
  actor: Doer;
  /** Who it turned out to be: at a sign-in nobody asks yet. */
  as?: { userId: UserId; login: string };
  from: Origin;
  thingId?: string | null;
  thingName?: string | null;
  /** Told without what could be a secret. */
  args?: Record<string, unknown>;
}

/** What somebody was refused, and how. */
export interface Refused extends Act {
  outcome: string;
}

export class AuditService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #objects: ObjectStore;
  readonly #log: Log;
  readonly #entered: Coalesced<null>;
  readonly #refused: Coalesced<Refused>;

  constructor(parts: { db: Db; objects: ObjectStore; clock: Clock; log: Log }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#objects = parts.objects;
    this.#log = parts.log;
    this.#entered = new Coalesced(parts.clock);
    this.#refused = new Coalesced(parts.clock);
  }

  /** Does the work between the two writes. Throws what it throws; STORE_UNAVAILABLE before it when nothing can be stored. */
  async during<T>(act: Act, work: () => Promise<T>): Promise<T> {
    const entry = this.#entryOf(act, 'begun');
    const id = await reading(() => auditStore.insert(this.#db, entry));
    const before = await this.#row(act.thingId);
    try {
      const result = await work();
      const after = before && (await this.#row(act.thingId));
      const changes = before && after ? changesOf(before, after) : {};
      const more = Object.keys(changes).length > 0 ? { details: { ...entry.details, changes } } : {};
      await this.#end(id, { outcome: 'done', ...nameIn(before), ...thingOf(result), ...more });
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

  /** That somebody went into an environment; once in a while for the same way in: a jump asks for every channel. */
  async entered(act: Act & { thingId: string }): Promise<void> {
    const { actor, from, thingId, action, args = {} } = act;
    const group = JSON.stringify([action, credentialOf(actor), from.address]);
    if (!this.#entered.isFirst(JSON.stringify([group, thingId, args]), group, null)) return;
    await this.record(act, 'done');
  }

  /**
   * That somebody was refused something, at once; what is refused again within a quarter of an hour is told as a count
   * after it. Never throws: whoever is refused is told so anyhow.
   */
  async refused(act: Refused): Promise<void> {
    const { actor, from, action, thingId, thingName, outcome } = act;
    const group = JSON.stringify([action, credentialOf(actor) ?? from.address, outcome]);
    if (!this.#refused.isFirst(JSON.stringify([group, thingId ?? thingName]), group, act)) return;
    await this.#record(act, outcome);
  }

  /** A refusal of what exists, and is not shown to who asks: the answer is that of an unknown id. Never throws. */
  async hidden(act: Act & { thingId: string }): Promise<void> {
    const row = await this.#row(act.thingId);
    const isGone = !row || row.deleted_at || row.revoked_at || row.removed_at || row.state === 'deleted';
    if (!isGone) await this.refused({ ...act, ...nameIn(row), outcome: 'NOT_FOUND' });
  }

  /** Tells the counts that are due; all of them at the end of the process. */
  async tellCounts({ isEnd = false } = {}): Promise<void> {
    this.#entered.takeDue(isEnd);
    for (const { item, count, since } of this.#refused.takeDue(isEnd)) {
      await this.#record({ ...item, args: { ...item.args, again: count, since } }, item.outcome);
    }
  }

  /** The newest first. Throws FORBIDDEN. */
  async page(actor: Actor, query: Parameters<typeof auditStore.page>[1], filter: AuditFilter): Promise<AuditEntry[]> {
    mustMay(actor, 'audit.read');
    return reading(() => auditStore.page(this.#db, query, filter));
  }

  /** Who ended so how often in that time, the most often first: for what is told of it. */
  countByActor(tx: Tx, of: Parameters<typeof auditStore.countByActor>[1]): Promise<{ login: string; count: number }[]> {
    return auditStore.countByActor(tx, of);
  }

  /** Walks through the whole chain. Throws FORBIDDEN, or OBJECT_STORE_UNAVAILABLE. */
  async verify(actor: Actor): Promise<Verified> {
    mustMay(actor, 'audit.read');
    return verify({ db: this.#db, objects: this.#objects });
  }

  /**
   * The text of an export, piece by piece, oldest first. It leaves an entry of its own. `check` is asked before each piece
   * and throws when the reader may no longer read. Throws FORBIDDEN, or OBJECT_STORE_UNAVAILABLE, also in the middle.
   */
  async *export(
    actor: Actor,
    wish: { filter: AuditFilter; format: FormatName; from: Origin; check: () => Promise<void> },
  ): AsyncGenerator<string> {
    mustMay(actor, 'audit.read');
    const { filter, format: name, from, check } = wish;
    const format = FORMATS[name];
    await seal({ db: this.#db, clock: this.#clock });
    const act = { action: 'exportAudit', actor, from, args: { format: name, ...filter } };
    const id = await reading(() => auditStore.insert(this.#db, this.#entryOf(act, 'begun')));
    // Who reads may go away in the middle.
    let outcome: string = 'TIMED_OUT';
    try {
      let entries = 0;
      yield format.head({ at: new Date(this.#clock.now()), filter });
      for await (const page of exported({ db: this.#db, objects: this.#objects }, filter)) {
        await check();
        entries += page.length;
        yield page.map((entry) => format.line(entry)).join('');
      }
      yield format.end(entries);
      outcome = 'done';
    } catch (err) {
      outcome = err instanceof AppError ? err.code : 'INTERNAL';
      throw err;
    } finally {
      await this.#end(id, { outcome });
    }
  }

  async #record(act: Act, outcome: string): Promise<void> {
    await this.record(act, outcome).catch((err: unknown) => this.#log.warn({ err }, 'a refusal was not stored'));
  }

  async #row(id: string | null | undefined): Promise<Row | null> {
    if (!id) return null;
    return reading(() => rowOf(this.#db, id)).catch((err: unknown) => {
      this.#log.warn({ err }, 'the row of an act was not read');
      return null;
    });
  }

  /** The act has been done, or not, whatever happens here: the entry then says `begun` for ever. */
  async #end(id: string, ended: EndedAct): Promise<void> {
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

function credentialOf(actor: Doer): string | null {
  if (actor.kind === 'anonymous' || actor.kind === 'server') return null;
  return actor.kind === 'user' ? actor.credential.id : actor.credentialId;
}

/** What a row says that people call it. */
function nameIn(row: Row | null): { thingName?: string } {
  const name = row?.login ?? row?.name;
  return typeof name === 'string' ? { thingName: name.slice(0, 200) } : {};
}

function whoIs(actor: Doer): Pick<NewAuditEntry, 'actorKind' | 'actorId' | 'actorLogin' | 'credentialId'> {
  if (actor.kind === 'anonymous' || actor.kind === 'server') {
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
