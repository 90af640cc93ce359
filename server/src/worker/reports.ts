/**
 * A worker's numbered reports. They come in order, are applied in order, each exactly once: the number that is acknowledged
 * and what the reports change are stored in one transaction, by compare-and-set on the number.
 *
 * A report that was acknowledged before (doubled, or replayed after a reconnect) is acknowledged again and changes nothing. One
 * that leaves a gap cannot be: the worker is to connect again and replay from what is acknowledged. If this process dies
 * before the transaction, nothing has happened; if it dies after it, the replay finds the number moved.
 */
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { WorkerMessage } from '@easel/schema/wire/worker';
import { type Db, inTransaction } from '../db.ts';
import type { EnvironmentFacts, WorkerRef } from '../environment/facts.ts';
import { reportStore } from './worker.store.ts';

export type Report = Extract<WorkerMessage, { type: 'worker.report' }>;

export interface Reports {
  /** Reports taken and not yet applied: the gateway stops reading when they are too many. */
  readonly pending: number;
  take(report: Report): void;
  close(): void;
}

export interface ReportsOptions {
  db: Db;
  facts: Pick<EnvironmentFacts, 'applyWorkerEvent'>;
  worker: WorkerRef;
  ackedReport: number;
  /** Called before a report that ends the start is applied, so that its last lines can be read when it shows. */
  beforeEnd: () => Promise<void>;
  onAcked(number: number): void;
  /** The connection must end: the worker connects again and replays. */
  onFailed(err: unknown): void;
  log: Log;
}

/** Reports in one transaction: a replay after an hour is a few statements, not hundreds of transactions. */
const maxBatch = 50;

export function createReports(options: ReportsOptions): Reports {
  const { db, facts, worker, log } = options;
  let acked = options.ackedReport;
  let expected = acked + 1;
  let pending: Report[] = [];
  let isRunning = false;
  let isClosed = false;

  const fail = (err: unknown) => {
    if (isClosed) return;
    isClosed = true;
    pending = [];
    options.onFailed(err);
  };

  async function run(): Promise<void> {
    isRunning = true;
    try {
      while (pending.length > 0 && !isClosed) {
        const batch = pending.slice(0, maxBatch);
        if (batch.some(({ event }) => event.type === 'worker.stopped' || event.type === 'worker.failed')) {
          await options.beforeEnd();
        }
        await applyBatch(batch);
        pending = pending.slice(batch.length);
        if (!isClosed) options.onAcked(acked);
      }
    } catch (err) {
      fail(err);
    } finally {
      isRunning = false;
    }
  }

  async function applyBatch(batch: readonly Report[]): Promise<void> {
    try {
      await apply(batch);
    } catch (err) {
      if (err instanceof AppError) throw err;
      // A bug in one of them: the others must not suffer, and replaying it for ever would help nobody.
      for (const report of batch) await applyAlone(report);
    }
  }

  async function applyAlone(report: Report): Promise<void> {
    try {
      await apply([report]);
    } catch (err) {
      if (err instanceof AppError) throw err;
      log.error({ environmentId: worker.environmentId, event: report.event.type, err }, 'report could not be applied');
      await apply([report], { isSkipped: true });
    }
  }

  async function apply(batch: readonly Report[], { isSkipped = false } = {}): Promise<void> {
    const last = batch.at(-1)?.number ?? acked;
    await inTransaction(db, async (tx) => {
      if (!(await reportStore.acknowledge(tx, worker.workerId, { from: acked, to: last }))) {
        throw new AppError({
          code: 'GENERATION_STALE',
          message: 'another connection of this worker has reported meanwhile: connect again',
        });
      }
      if (isSkipped) return;
      for (const { event, at } of batch) await facts.applyWorkerEvent(tx, worker, event, new Date(at));
    });
    acked = last;
  }

  return {
    get pending() {
      return pending.length;
    },
    take(report) {
      if (isClosed) return;
      if (report.number > expected) {
        fail(
          new AppError({ code: 'INVALID_INPUT', message: `expected report ${expected}, got ${report.number}: replay` }),
        );
        return;
      }
      if (report.number < expected) {
        if (report.number <= acked) options.onAcked(acked);
        return;
      }
      expected++;
      pending.push(report);
      if (!isRunning) void run();
    },
    close() {
      isClosed = true;
      pending = [];
    },
  };
}
