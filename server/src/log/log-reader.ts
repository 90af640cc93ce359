/**
 * Reads an environment's log by cursor. A cursor names the last line already had: `<generation>:<line>`, where line -1 is
 * before the first. Reading goes on into later starts of the environment by itself.
 */
import { AppError } from '@easel/schema/errors';
import type { EnvironmentId } from '@easel/schema/ids';
import type { LogLine } from '@easel/schema/wire/worker';
import { LRUCache } from 'lru-cache';
import type { Queryable } from '../db.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { decodeChunk } from './chunk.ts';
import { type ChunkRow, logStore, type Position } from './log.store.ts';

export interface ReadLine extends LogLine {
  cursor: string;
}

export interface LogPage {
  lines: ReadLine[];
  /** Where to go on; it may move although no line was of the source asked for. */
  cursor: string;
  /** More is there already: go on at once. */
  hasMore: boolean;
}

export interface ReadOptions {
  after: Position;
  maxLines: number;
  /** Only lines of this source. */
  source: string | null;
}

export interface LogReader {
  read(environmentId: EnvironmentId, options: ReadOptions): Promise<LogPage>;
}

/** Bytes and chunks that one reading looks through. */
const maxBytesRead = 1_048_576;
const maxChunksRead = 64;
/** Objects asked for at a time. */
const parallelReads = 8;
/** Readings of the rows until a missing object counts as lost. */
const maxAttempts = 3;
/** What is kept of chunks that many read: the tail of a busy log, by all who follow it. */
const cacheBytes = 16 * 1_048_576;

export function createLogReader(parts: { database: Queryable; objects: ObjectStore }): LogReader {
  const cache = new LRUCache<string, LogLine[]>({ maxSize: cacheBytes });

  async function linesOf(chunk: ChunkRow): Promise<LogLine[] | null> {
    const known = cache.get(chunk.key);
    if (known) return known;
    const body = await parts.objects.get(chunk.key);
    if (!body) return null;
    const lines = decodeChunk(body);
    cache.set(chunk.key, lines, { size: Math.max(1, body.byteLength) });
    return lines;
  }

  /** Null when a chunk has been put together with others since its row was read; the last attempt does without it. */
  async function readOnce(
    environmentId: EnvironmentId,
    options: ReadOptions & { isLast: boolean },
  ): Promise<LogPage | null> {
    const { maxLines, source } = options;
    const found = await logStore.after(parts.database, environmentId, options.after, maxChunksRead);
    const chunks = withinBytes(found, maxBytesRead);
    const hasMoreChunks = chunks.length < found.length || found.length === maxChunksRead;
    const lines: ReadLine[] = [];
    let at = options.after;
    for (let i = 0; i < chunks.length; i += parallelReads) {
      const group = chunks.slice(i, i + parallelReads);
      const bodies = await Promise.all(group.map(linesOf));
      for (const [k, chunk] of group.entries()) {
        const all = bodies[k] ?? (options.isLast ? lostLines(chunk) : null);
        if (!all) return null;
        for (const [n, line] of all.entries()) {
          const position = { generation: chunk.generation, line: chunk.firstLine + n };
          if (position.generation === at.generation && position.line <= at.line) continue;
          if (lines.length >= maxLines) return { lines, cursor: formatCursor(at), hasMore: true };
          at = position;
          if (source === null || line.source === source) lines.push({ ...line, cursor: formatCursor(at) });
        }
      }
    }
    return { lines, cursor: formatCursor(at), hasMore: hasMoreChunks };
  }

  return {
    async read(environmentId, options) {
      for (let attempt = 1; ; attempt++) {
        const page = await readOnce(environmentId, { ...options, isLast: attempt >= maxAttempts });
        if (page) return page;
      }
    },
  };
}

/** The first of them, at least one, that are not too much together. */
function withinBytes(chunks: readonly ChunkRow[], maxBytes: number): readonly ChunkRow[] {
  let bytes = 0;
  const end = chunks.findIndex(({ sizeBytes }, i) => {
    bytes += sizeBytes;
    return i > 0 && bytes > maxBytes;
  });
  return end === -1 ? chunks : chunks.slice(0, end);
}

/** In the place of an object that is lost: the rest of the log can be read all the same. */
function lostLines(chunk: ChunkRow): LogLine[] {
  const text = '[a line that the object store has lost]';
  return Array.from({ length: chunk.lineCount }, () => ({
    at: new Date(0).toISOString(),
    source: 'worker',
    stream: 'system',
    text,
  }));
}

export function formatCursor({ generation, line }: Position): string {
  return `${generation}:${line}`;
}

/** Throws INVALID_INPUT. */
export function parseCursor(text: string): Position {
  const [, generation, line] = /^(\d{1,9}):(-1|\d{1,9})$/.exec(text) ?? [];
  if (generation === undefined || line === undefined) {
    throw new AppError({
      code: 'INVALID_INPUT',
      message: 'after: expected the cursor of a line, like 2:118',
    });
  }
  return { generation: Number(generation), line: Number(line) };
}
