/**
 * Stores what workers log. A worker's lines are gathered for about a second or up to a chunk's size, written as one object,
 * and then its row and its acknowledged number are stored together, for many workers in one statement; only then is the
 * worker told that it may forget them. The first lines after a pause are stored at once, so that a tail is live.
 *
 * If this process dies, what was not acknowledged is sent again to the next one, after the acknowledged number. If two
 * replicas hold the same worker's lines, the one that moves the number first wins, and the other learns it by GENERATION_STALE.
 * If the object store or the database is away, it tries again for as long as the worker stays; the gateway takes nothing more
 * from that worker meanwhile. An object whose row was not stored lies there unseen until its environment's log is removed.
 */
import { fullJitter } from '@easel/kit/backoff';
import { type Clock, systemClock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import type { LogLine } from '@easel/schema/wire/worker';
import { type Queryable, translateStoreError } from '../db.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { CHUNK_BYTES, encodeLine, newChunkKey } from './chunk.ts';
import { type Commit, type Extent, logStore, MAX_COMMITS } from './log.store.ts';

export interface LoggingWorker {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
}

/** One worker's log, for as long as its socket stands. */
export interface WorkerLog {
  /** Bytes taken and not yet stored: the gateway stops reading when they are too many. */
  readonly pendingBytes: number;
  /** Takes the lines of the append `number`, which is the one after the last. */
  append(number: number, lines: readonly LogLine[]): void;
  /** Resolves when everything taken so far is stored, or can no longer be. */
  flush(): Promise<void>;
  /** Nothing more is stored for this socket; what was not acknowledged is sent again elsewhere. */
  close(): void;
}

export interface LogWriter {
  /** `ackedLog`: the number of the last append that is stored. */
  open(
    worker: LoggingWorker & { ackedLog: number },
    events: { onStored(number: number): void; onFailed(err: unknown): void },
  ): WorkerLog;
}

export interface LogWriterOptions {
  database: Queryable;
  objects: ObjectStore;
  log: Log;
  clock?: Clock;
  /** What one start may log; then one line says that the rest is not kept. */
  maxBytesPerStart?: number;
}

const gatherMs = 1_000;
/** After a pause lines wait no longer than this for more. */
const quickMs = 100;
/** Rows wait this long for those of other workers. */
const commitMs = 20;
const defaultMaxBytes = 64 * 1_048_576;
const backoff = { baseMs: 200, maxMs: 5_000 };

type Pending = { number: number; text: string; lineCount: number };

export function createLogWriter(options: LogWriterOptions): LogWriter {
  const { database, objects, log, clock = systemClock, maxBytesPerStart = defaultMaxBytes } = options;
  const committer = createCommitter({ database, clock });

  function open(
    worker: LoggingWorker & { ackedLog: number },
    events: { onStored(number: number): void; onFailed(err: unknown): void },
  ): WorkerLog {
    const closing = new AbortController();
    let pending: Pending[] = [];
    let pendingBytes = 0;
    let storedNumber = worker.ackedLog;
    let extent: Extent | undefined;
    let lastStoreMs = Number.NEGATIVE_INFINITY;
    let running: Promise<void> | undefined;
    let hurry = Promise.withResolvers<void>();

    async function run(): Promise<void> {
      try {
        while (pending.length > 0 && !closing.signal.aborted) {
          const dueMs = Math.max(lastStoreMs + gatherMs, clock.now() + quickMs);
          await Promise.race([clock.sleep(dueMs - clock.now(), closing.signal), hurry.promise]);
          await storeChunk();
          lastStoreMs = clock.now();
        }
      } catch (err) {
        if (!closing.signal.aborted) {
          closing.abort();
          events.onFailed(err);
        }
      } finally {
        running = undefined;
      }
    }

    /** Takes from what is pending as much as fits into a chunk, at least one append. */
    function takeChunk(): Pending[] {
      let bytes = 0;
      const end = pending.findIndex(({ text }, i) => {
        bytes += text.length;
        return i > 0 && bytes > CHUNK_BYTES;
      });
      return pending.slice(0, end === -1 ? undefined : end);
    }

    async function storeChunk(): Promise<void> {
      const taken = takeChunk();
      const last = taken.at(-1);
      if (!last) return;
      extent ??= await persist('read what is logged', () =>
        logStore.extent(database, worker.environmentId, worker.generation),
      );
      const written = await writeObject(taken, extent);
      const commit: Commit = { ...worker, fromLog: storedNumber, toLog: last.number, chunk: written };
      // A statement whose answer was lost may have been carried out: then this says false too, and the worker asks.
      if (!(await persist('store a row', () => committer.commit(commit)))) {
        throw new AppError({
          code: 'GENERATION_STALE',
          message: 'another connection of this worker has logged meanwhile: connect again',
        });
      }
      if (written) {
        extent.nextNumber++;
        extent.nextLine += written.lineCount;
        extent.sizeBytes += written.sizeBytes;
      }
      storedNumber = last.number;
      pending = pending.slice(taken.length);
      pendingBytes = pending.reduce((sum, { text }) => sum + text.length, 0);
      if (pendingBytes < CHUNK_BYTES) hurry = Promise.withResolvers<void>();
      events.onStored(last.number);
    }

    /** Null when this start has logged all that it may. */
    async function writeObject(taken: readonly Pending[], at: Extent): Promise<Commit['chunk']> {
      if (at.sizeBytes >= maxBytesPerStart) return null;
      let text = taken.map((one) => one.text).join('');
      let lineCount = taken.reduce((sum, one) => sum + one.lineCount, 0);
      if (at.sizeBytes + Buffer.byteLength(text) >= maxBytesPerStart) {
        text += encodeLine(truncationLine(new Date(clock.now()), maxBytesPerStart));
        lineCount++;
      }
      const body = Buffer.from(text);
      const key = newChunkKey(worker.environmentId, worker.generation, at.nextNumber);
      await persist('write an object', () => objects.put(key, body));
      return { number: at.nextNumber, firstLine: at.nextLine, lineCount, key, sizeBytes: body.byteLength };
    }

    /** Tries again, with jitter, for as long as the trouble is a neighbour's and the worker stays. */
    async function persist<T>(what: string, act: () => Promise<T>): Promise<T> {
      for (let attempt = 0; ; attempt++) {
        try {
          return await act();
        } catch (err) {
          if (closing.signal.aborted || !isTrouble(err)) throw err;
          if (attempt === 0)
            log.warn({ environmentId: worker.environmentId, what, err }, 'log not stored, trying again');
          await clock.sleep(fullJitter(backoff, attempt), closing.signal);
        }
      }
    }

    return {
      get pendingBytes() {
        return pendingBytes;
      },
      append(number, lines) {
        if (closing.signal.aborted) return;
        const text = lines.map(encodeLine).join('');
        pending.push({ number, text, lineCount: lines.length });
        pendingBytes += text.length;
        if (pendingBytes >= CHUNK_BYTES) hurry.resolve();
        running ??= run();
      },
      async flush() {
        while (running) {
          hurry.resolve();
          await running;
        }
      },
      close: () => closing.abort(),
    };
  }

  return { open };
}

/** Gathers rows of many workers into one statement. */
function createCommitter(options: { database: Queryable; clock: Clock }) {
  type Waiting = { commit: Commit; resolve: (isMoved: boolean) => void; reject: (err: unknown) => void };
  let waiting: Waiting[] = [];
  let isRunning = false;

  /** At most one row of each worker: two connections of the same one must not move its number in one statement. */
  function takeBatch(): Waiting[] {
    const batch = new Map<WorkerId, Waiting>();
    waiting = waiting.filter((one) => {
      if (batch.size >= MAX_COMMITS || batch.has(one.commit.workerId)) return true;
      batch.set(one.commit.workerId, one);
      return false;
    });
    return [...batch.values()];
  }

  async function run(): Promise<void> {
    isRunning = true;
    await options.clock.sleep(commitMs);
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        const moved = await logStore.commit(
          options.database,
          batch.map(({ commit }) => commit),
        );
        for (const { commit, resolve } of batch) resolve(moved.has(commit.workerId));
      } catch (err) {
        for (const { reject } of batch) reject(err);
      }
    }
    isRunning = false;
  }

  return {
    commit: (commit: Commit) =>
      new Promise<boolean>((resolve, reject) => {
        waiting.push({ commit, resolve, reject });
        if (!isRunning) void run();
      }),
  };
}

function truncationLine(now: Date, maxBytes: number): LogLine {
  return {
    at: now.toISOString(),
    source: 'worker',
    stream: 'system',
    text: `[this start has logged ${Math.round(maxBytes / 1_048_576)} MiB, which is the limit: what follows is not kept]`,
  };
}

/** A neighbour's trouble passes; anything else would be the same at every try. */
function isTrouble(err: unknown): boolean {
  const translated = translateStoreError(err);
  return translated instanceof AppError && translated.retryable;
}
