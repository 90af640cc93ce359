/**
 * From rows to objects. `seal` puts what is over into the chain, every few seconds; `exportHours` writes each hour that is
 * over as one object (JSON lines, `audit/YYYY/MM/DD/HH-<first number>.jsonl`), and rows stay until their object is
 * confirmed. While the object store is away the rows wait, in order; writing an object twice gives the same bytes.
 */
import type { Clock } from '@easel/kit/clock';
import { z } from 'zod';
import { type Db, inTransaction, reading } from '../db.ts';
import type { AuditEntry } from '../generated/prisma/client.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { auditStore } from './audit.store.ts';
import { type Break, type Chained, chainedSchema, follow, GENESIS, hashOf, type Walk } from './chain.ts';

const PREFIX = 'audit/';
/** What was begun so long ago is not going to end. */
const ABANDONED_MS = 10 * 60_000;
const AT_ONCE = 1000;
/** An hour with more has several objects. */
const PER_OBJECT = 20_000;
const HOUR_MS = 3_600_000;

interface Parts {
  db: Db;
  objects: ObjectStore;
  clock: Clock;
}

/** The first line of an object: what comes before it. */
const headerSchema = z.object({ version: z.literal(1), first: z.number(), previousHash: z.string() });

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
    const rows = await reading(() => auditStore.sealedAfter(db, exportedNumber, { before, limit: PER_OBJECT }));
    const [first] = rows;
    if (!first) return written;
    const hour = hourOf(first);
    const batch = rows.filter((row) => hourOf(row) === hour);
    const body = await objectOf(db, batch);
    await objects.put(keyOf(first), body);
    await reading(() => auditStore.setExported(db, batch.at(-1)?.number ?? exportedNumber));
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
  let walk: Walk | null = null;
  let entries = 0;
  for await (const key of keysOf(objects)) {
    const read = parseObject(await objects.get(key));
    if (!read) return { entries, broken: { number: (walk?.number ?? 0) + 1, why: `${key} cannot be read` } };
    walk ??= { number: read.first - 1, hash: read.previousHash };
    for (const entry of read.entries) {
      const next = follow(walk, entry);
      if ('why' in next) return { entries, broken: { ...next, why: `${key}: ${next.why}` } };
      walk = next;
      entries += 1;
    }
  }
  let at: Walk = walk ?? { number: 0, hash: GENESIS };
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

async function* keysOf(objects: ObjectStore): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const page = await objects.list(PREFIX, after === undefined ? {} : { after });
    for (const { key } of page) yield key;
    after = page.at(-1)?.key;
    if (after === undefined) return;
  }
}

function parseObject(body: Uint8Array | null) {
  if (!body) return null;
  try {
    const [head = '', ...lines] = Buffer.from(body).toString().trimEnd().split('\n');
    const { first, previousHash } = headerSchema.parse(JSON.parse(head));
    return { first, previousHash, entries: lines.map((line) => chainedSchema.parse(JSON.parse(line))) };
  } catch {
    return null;
  }
}

async function objectOf(db: Db, rows: readonly AuditEntry[]): Promise<Uint8Array> {
  const first = rows[0]?.number ?? 1n;
  const [previous] = await reading(() => auditStore.sealedAfter(db, first - 2n, { limit: 1 }));
  const previousHash = first === 1n ? GENESIS : ((previous?.number === first - 1n ? previous.hash : null) ?? '');
  const lines = [
    JSON.stringify({ version: 1, first: Number(first), previousHash }),
    ...rows.map((row) => JSON.stringify({ ...chained(row, row.number ?? 0n), hash: row.hash ?? '' })),
  ];
  return Buffer.from(`${lines.join('\n')}\n`);
}

function chained(row: AuditEntry, number: bigint): Omit<Chained, 'hash'> {
  const { id, at, actorKind, actorId, actorLogin, credentialId, address, requestId } = row;
  const { action, thingId, thingName, outcome, details } = row;
  const who = { actorKind, actorId, actorLogin, credentialId, address, requestId };
  const what = { action, thingId, thingName, outcome, details: details as Record<string, unknown> };
  return { number: Number(number), id, at: at.toISOString(), ...who, ...what };
}

function hourOf({ sealedAt }: AuditEntry): number {
  return Math.floor((sealedAt?.getTime() ?? 0) / HOUR_MS);
}

function folderOf(at: Date): string {
  return `${PREFIX}${at.toISOString().slice(0, 13).replaceAll('-', '/').replace('T', '/')}`;
}

function keyOf({ sealedAt, number }: AuditEntry): string {
  return `${folderOf(sealedAt ?? new Date(0))}-${String(number).padStart(15, '0')}.jsonl`;
}
