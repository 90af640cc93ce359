/**
 * From rows to objects. `seal` puts what is over into the chain, every few seconds; `exportHours` writes each hour that is
 * over as one object (JSON lines, `audit/YYYY/MM/DD/HH-<first number>.jsonl`), and rows stay until their object is
 * confirmed. While the object store is away the rows wait, in order; writing an object twice gives the same bytes.
 */

import type { Clock } from '@easel/kit/clock';
import { type Break, ChainCheck, type Chained, follow, GENESIS, hashOf, type Walk } from '@easel/schema/audit-chain';
import { type Db, inTransaction, reading } from '../db.ts';
import type { AuditEntry } from '../generated/prisma/client.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { auditStore } from './audit.store.ts';

const PREFIX = 'audit/';
/** What was begun so long ago is not going to end. */
const ABANDONED_MS = 10 * 60_000;
const AT_ONCE = 1000;
/** An hour with more has several objects; an object is made in memory. */
const PER_OBJECT = { entries: 5000, bytes: 32 * 1_048_576 };
const HOUR_MS = 3_600_000;

interface Parts {
  db: Db;
  objects: ObjectStore;
  clock: Clock;
}

/** Gives how many. */
export async function seal({ db, clock }: Omit<Parts, 'objects'>): Promise<number> {
  const now = clock.now();
  const count = await inTransaction(db, async (tx) => {
    let { number, hash } = await auditStore.lockHead(tx);
    const rows = await auditStore.unsealed(tx, new Date(now - ABANDONED_MS), AT_ONCE);
    const sealed = rows.map((row) => {
      number += 1n;
      hash = hashOf(hash, chained(row, number));
      return { id: row.id, number, hash };
    });
    if (sealed.length === 0) return 0;
    await auditStore.seal(tx, sealed, new Date(now));
    await auditStore.setHead(tx, { number, hash });
    return sealed.length;
  });
  return count < AT_ONCE ? count : count + (await seal({ db, clock }));
}

/** Writes the hours that are over. Throws OBJECT_STORE_UNAVAILABLE; what was written stays written. */
export async function exportHours(parts: Parts): Promise<number> {
  const { db, objects, clock } = parts;
  const before = new Date(Math.floor(clock.now() / HOUR_MS) * HOUR_MS);
  let written = 0;
  for (;;) {
    const { exportedNumber } = await reading(() => auditStore.head(db));
    const rows = await reading(() => auditStore.sealedAfter(db, exportedNumber, { before, limit: PER_OBJECT.entries }));
    const [first] = rows;
    if (!first) return written;
    const hour = hourOf(first);
    const batch = rows.filter((row) => hourOf(row) === hour);
    const { body, last } = await objectOf(db, batch);
    await objects.put(keyOf(first), body);
    await reading(() => auditStore.setExported(db, last));
    written += 1;
  }
}

/**
 * Rows that lie in the object store go after `databaseDays`, objects after `retentionDays` (0 keeps them for ever); the
 * chain is then verified from the oldest object that is left.
 */
export async function forgetOldEntries(
  parts: Parts,
  { databaseDays, retentionDays }: { databaseDays: number; retentionDays: number },
): Promise<number> {
  const before = new Date(parts.clock.now() - databaseDays * 86_400_000);
  const rows = await reading(() => auditStore.prune(parts.db, before));
  return rows + (retentionDays === 0 ? 0 : await removeOldObjects(parts, retentionDays));
}

async function removeOldObjects(parts: Parts, retentionDays: number): Promise<number> {
  const oldest = folderOf(new Date(parts.clock.now() - retentionDays * 86_400_000));
  let removed = 0;
  for (;;) {
    const old = (await parts.objects.list(PREFIX)).filter(({ key }) => key < oldest);
    if (old.length === 0) return removed;
    await parts.objects.remove(old.map(({ key }) => key));
    removed += old.length;
  }
}

export interface Verified {
  /** Entries that were looked at. */
  entries: number;
  /** The first place where the chain does not hold; null when it holds. */
  broken: Break | null;
}

/** Walks through all objects and what is not yet in one. */
export async function verify({ db, objects }: Omit<Parts, 'clock'>): Promise<Verified> {
  const head = await reading(() => auditStore.head(db));
  const check = new ChainCheck();
  for await (const key of keysOf(objects)) {
    check.begin(key);
    for (const line of textOf(await objects.get(key)).split('\n')) check.take(line);
    check.end();
    if (check.broken) return { entries: check.entries, broken: check.broken };
  }
  let { entries } = check;
  let at: Walk = check.walk ?? { number: 0, hash: GENESIS };
  if (BigInt(at.number) < head.exportedNumber) {
    const why = `the object store ends with entry ${at.number}, and ${head.exportedNumber} have been written to it`;
    return { entries, broken: { number: at.number + 1, why } };
  }
  for (;;) {
    const rows = await reading(() => auditStore.sealedAfter(db, BigInt(at.number), { limit: AT_ONCE }));
    for (const row of rows) {
      const next = follow(at, { ...chained(row, row.number ?? 0n), hash: row.hash ?? '' });
      if ('why' in next) return { entries, broken: next };
      at = next;
      entries += 1;
    }
    if (rows.length < AT_ONCE) break;
  }
  // What was sealed while this ran is newer than the head that was read.
  if (BigInt(at.number) < head.number || (BigInt(at.number) === head.number && at.hash !== head.hash)) {
    const why = `the chain ends with entry ${at.number}, and ${head.number} have been sealed`;
    return { entries, broken: { number: at.number + 1, why } };
  }
  return { entries, broken: null };
}

/** Those after a key, in their order. */
export async function* keysOf(objects: ObjectStore, from?: string): AsyncGenerator<string> {
  for (let after = from; ; ) {
    const page = await objects.list(PREFIX, after === undefined ? {} : { after });
    for (const { key } of page) yield key;
    after = page.at(-1)?.key;
    if (after === undefined) return;
  }
}

/** As many of the rows as an object may hold. */
async function objectOf(db: Db, rows: readonly AuditEntry[]): Promise<{ body: Uint8Array; last: bigint }> {
  const first = rows[0]?.number ?? 1n;
  const [previous] = await reading(() => auditStore.sealedAfter(db, first - 2n, { limit: 1 }));
  const previousHash = first === 1n ? GENESIS : ((previous?.number === first - 1n ? previous.hash : null) ?? '');
  let text = `${JSON.stringify({ version: 1, first: Number(first), previousHash })}\n`;
  let last = first - 1n;
  for (const row of rows) {
    if (text.length > PER_OBJECT.bytes) break;
    last = row.number ?? last;
    text += `${JSON.stringify({ ...chained(row, last), hash: row.hash ?? '' })}\n`;
  }
  return { body: Buffer.from(text), last };
}

/** What of a row is hashed. */
export function chained(row: AuditEntry, number: bigint): Omit<Chained, 'hash'> {
  const { id, at, actorKind, actorId, actorLogin, credentialId, address, requestId } = row;
  const { action, thingId, thingName, outcome, details } = row;
  const who = { actorKind, actorId, actorLogin, credentialId, address, requestId };
  const what = { action, thingId, thingName, outcome, details: details as Record<string, unknown> };
  return { number: Number(number), id, at: at.toISOString(), ...who, ...what };
}

/** An object that has gone meanwhile is empty, and so not whole. */
export function textOf(body: Uint8Array | null): string {
  return Buffer.from(body ?? '').toString();
}

function hourOf({ sealedAt }: AuditEntry): number {
  return Math.floor((sealedAt?.getTime() ?? 0) / HOUR_MS);
}

/** Where the objects of its hour begin. */
export function folderOf(at: Date): string {
  return `${PREFIX}${at.toISOString().slice(0, 13).replaceAll('-', '/').replace('T', '/')}`;
}

function keyOf({ sealedAt, number }: AuditEntry): string {
  return `${folderOf(sealedAt ?? new Date(0))}-${String(number).padStart(15, '0')}.jsonl`;
}
