/**
 * Puts small chunks together. A start that logs a line now and then would else leave one object and one row for each of them.
 * Lines keep their numbers, so a reader notices nothing: whoever has read the old rows finds the old objects gone, and reads
 * the rows again. If this process dies in between, an object that no row names is left, until the environment's log is removed.
 */
import type { EnvironmentId } from '@easel/schema/ids';
import type { Queryable } from '../db.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { CHUNK_BYTES, newChunkKey } from './chunk.ts';
import { type ChunkRow, logStore } from './log.store.ts';

/** A chunk below this is small; so many of them in one start are worth the work. */
const smallBytes = CHUNK_BYTES / 2;
const minChunks = 32;
const startsPerTurn = 20;
/** The newest chunks are left alone: readers are at them, and the next turn finds them again. */
const leftAlone = 4;

/** One turn. Gives how many chunks became fewer. */
export async function compactLogs(parts: { database: Queryable; objects: ObjectStore }): Promise<number> {
  const starts = await logStore.scattered(parts.database, {
    minChunks: minChunks + leftAlone,
    smallBytes,
    limit: startsPerTurn,
  });
  let saved = 0;
  for (const { environmentId, generation } of starts) {
    const chunks = await logStore.ofGeneration(parts.database, environmentId, generation);
    for (const run of runsOf(chunks.slice(0, -leftAlone))) {
      if (await putTogether(parts, environmentId, run)) saved += run.length - 1;
    }
  }
  return saved;
}

/** Neighbours that fit into one chunk, two or more. */
export function runsOf(chunks: readonly ChunkRow[]): ChunkRow[][] {
  const runs: ChunkRow[][] = [];
  let run: ChunkRow[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    if (bytes + chunk.sizeBytes > CHUNK_BYTES) {
      runs.push(run);
      run = [];
      bytes = 0;
    }
    run.push(chunk);
    bytes += chunk.sizeBytes;
  }
  return [...runs, run].filter(({ length }) => length > 1);
}

async function putTogether(
  parts: { database: Queryable; objects: ObjectStore },
  environmentId: EnvironmentId,
  run: readonly ChunkRow[],
): Promise<boolean> {
  const { database, objects } = parts;
  const [first] = run;
  if (!first) return false;
  const bodies: Uint8Array[] = [];
  for (const { key } of run) {
    const body = await objects.get(key);
    // Somebody else has put it together already.
    if (!body) return false;
    bodies.push(body);
  }
  const body = Buffer.concat(bodies);
  const key = newChunkKey(environmentId, first.generation, first.number);
  await objects.put(key, body);
  const isReplaced = await logStore.replace(
    database,
    environmentId,
    run.map(({ number }) => number),
    { ...first, key, sizeBytes: body.byteLength, lineCount: run.reduce((sum, { lineCount }) => sum + lineCount, 0) },
  );
  await objects.remove(isReplaced ? run.map((chunk) => chunk.key) : [key]);
  return isReplaced;
}
