/**
 * The log as one stream of lines, however long it is: first what only the object store has, then what the database has, in
 * the order of the chain. One object, or one page of rows, is in memory at a time. Each line carries its number, its hash
 * and the hash before it, so that `easel audit verify --file` can check it anywhere.
 */
import { type Chained, parseObject } from '@easel/schema/audit-chain';
import { AppError } from '@easel/schema/errors';
import { type Db, reading } from '../db.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { chained, folderOf, keysOf, textOf } from './archive.ts';
import { auditStore } from './audit.store.ts';
import { type AuditFilter, fits } from './filter.ts';

export type Exported = Chained & { previousHash: string };

/** Rows of a page. */
const AT_ONCE = 500;
/** An entry is sealed after its act; two servers' clocks may differ. */
const SLACK_MS = 3_600_000;

/** All sealed entries up to now that fit. Throws OBJECT_STORE_UNAVAILABLE, also in the middle. */
export async function* exported(
  { db, objects }: { db: Db; objects: ObjectStore },
  filter: AuditFilter,
): AsyncGenerator<Exported[]> {
  const { number: upTo } = await reading(() => auditStore.head(db));
  const oldest = await reading(() => auditStore.oldestNumber(db));
  // The first row that is left says nothing of the hash before it.
  let at = oldest === null ? upTo : oldest === 1n ? 0n : oldest;
  if (at > 0n) yield* fromObjects(objects, filter, Number(at));
  for (;;) {
    const rows = await reading(() => auditStore.fitting(db, { after: at, upTo, filter, limit: AT_ONCE }));
    if (rows.length > 0) yield rows.map(exportedRow);
    if (rows.length < AT_ONCE) return;
    at = rows.at(-1)?.number ?? upTo;
  }
}

function exportedRow(row: Awaited<ReturnType<typeof auditStore.fitting>>[number]): Exported {
  return { ...chained(row, row.number ?? 0n), previousHash: row.previousHash, hash: row.hash ?? '' };
}

/** Up to this number. */
async function* fromObjects(objects: ObjectStore, filter: AuditFilter, upTo: number): AsyncGenerator<Exported[]> {
  const begin = filter.from ? folderOf(new Date(filter.from.getTime() - SLACK_MS)) : undefined;
  for await (const key of keysOf(objects, begin)) {
    if (firstOf(key) > upTo) return;
    const read = parseObject(textOf(await objects.get(key)));
    if (!read) {
      throw new AppError({ code: 'OBJECT_STORE_UNAVAILABLE', message: `${key} cannot be read: verify the log` });
    }
    let previousHash = read.before.hash;
    const found: Exported[] = [];
    for (const entry of read.entries) {
      if (entry.number <= upTo && fits(filter, entry)) found.push({ ...entry, previousHash });
      previousHash = entry.hash;
    }
    if (found.length > 0) yield found;
  }
}

/** The number of an object's first entry, as its key says. */
function firstOf(key: string): number {
  return Number(/-(\d+)\.jsonl$/.exec(key)?.[1] ?? 0);
}
