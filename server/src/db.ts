/**
 * The one way to PostgreSQL: a pool, and the Prisma client on it. Transactions are interactive Prisma transactions; raw SQL
 * goes through the same client, so that both see each other's writes.
 */
import { type Log, type LogFields, silentLog } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from './generated/prisma/client.ts';

export type Db = PrismaClient;
export type Tx = Prisma.TransactionClient;
/** What reads take: inside a transaction or outside of one. */
export type Reader = Db | Tx;

export interface Database {
  db: Db;
  pool: pg.Pool;
  close(): Promise<void>;
}

/** A statement that runs longer holds locks that others wait for; nothing here takes long. */
const STATEMENT_LIMIT_MS = 15_000;
const CONNECT_LIMIT_MS = 5_000;

/** Opens nothing yet: connections are made as they are needed, and again after PostgreSQL was away. */
export function openDatabase(options: { url: string; connections: number; log?: Log }): Database {
  const log = options.log ?? silentLog;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connections,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    statement_timeout: STATEMENT_LIMIT_MS,
    idle_in_transaction_session_timeout: STATEMENT_LIMIT_MS,
    application_name: 'easel-server',
  });
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on('error', (err) => log.warn({ err }, 'database connection lost'));
  const db = new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' });
  logs.set(db, log);
  return {
    db,
    pool,
    async close() {
      await db.$disconnect();
      await pool.end();
    },
  };
}

/** Where each client tells what its transactions have done. */
const logs = new WeakMap<Db, Log>();
const lines = new WeakMap<Tx, { fields: LogFields; message: string }[]>();

/** Logs the line once the transaction has committed, and never if it does not. */
export function logAfterCommit(tx: Tx, fields: LogFields, message: string): void {
  const known = lines.get(tx);
  if (known) known.push({ fields, message });
  else lines.set(tx, [{ fields, message }]);
}

/**
 * Runs `work` in one transaction (READ COMMITTED). Throws STORE_UNAVAILABLE (retryable) when PostgreSQL is away; a
 * deadlock or a serialisation failure is tried again, since the whole of `work` has been undone.
 */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const limits = { maxWait: CONNECT_LIMIT_MS, timeout: STATEMENT_LIMIT_MS };
      const { result, told } = await db.$transaction(async (tx) => {
        const result = await work(tx);
        return { result, told: lines.get(tx) ?? [] };
      }, limits);
      for (const { fields, message } of told) logs.get(db)?.info(fields, message);
      return result;
    } catch (err) {
      if (attempt < 3 && isConflict(err)) continue;
      throw translateStoreError(err);
    }
  }
}

/** Runs a query outside of a transaction, with the same translation of errors. */
export async function reading<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (err) {
    throw translateStoreError(err);
  }
}

/** Says whether the error is the violation of a unique index, and of which columns or index. */
export function uniqueViolation(err: unknown): string | null {
  if (!(err instanceof Prisma.PrismaClientKnownRequestError) || err.code !== 'P2002') return null;
  return JSON.stringify(err.meta ?? {});
}

/** Prisma's codes for: cannot reach, wrong credentials, timed out, closed, pool timeout, transaction gone. */
const UNAVAILABLE_CODES = new Set(['P1000', 'P1001', 'P1002', 'P1008', 'P1011', 'P1017', 'P2024', 'P2028']);
/** SQLSTATE classes: connection exceptions, insufficient resources (disk full too), operator intervention. */
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57']);
/** What the socket and the driver say, and Prisma's adapter of them, in whose raw queries there is no code that tells. */
const UNAVAILABLE_SOCKET =
  /ECONN(REFUSED|RESET)|EPIPE|ENOTFOUND|ETIMEDOUT|terminat|timeout exceeded|Connection ended|not queryable|DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections/;

/** An error of ours stays; what means that PostgreSQL is away or full becomes STORE_UNAVAILABLE; the rest is a bug. */
export function translateStoreError(err: unknown): unknown {
  if (err instanceof AppError || !(err instanceof Error)) return err;
  const { prismaCode, sqlState, text } = describe(err);
  const isAway =
    (prismaCode !== null && UNAVAILABLE_CODES.has(prismaCode)) ||
    (sqlState !== null && UNAVAILABLE_CLASSES.has(sqlState.slice(0, 2))) ||
    (sqlState === null && UNAVAILABLE_SOCKET.test(text));
  if (!isAway) return err;
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: 'the database does not answer at the moment: try again in a few seconds',
    cause: err,
  });
}

/** Prisma: a write conflict or a deadlock. */
function isConflict(err: unknown): boolean {
  const { prismaCode, sqlState } = describe(err);
  return prismaCode === 'P2034' || sqlState === '40001' || sqlState === '40P01';
}

function describe(err: unknown): { prismaCode: string | null; sqlState: string | null; text: string } {
  const { code, meta, cause, message } = err as { code?: unknown; meta?: unknown; cause?: unknown; message?: string };
  const text = `${message ?? ''} ${JSON.stringify(meta ?? {})} ${JSON.stringify(cause ?? {})}`;
  const prismaCode = typeof code === 'string' && /^P\d{4}$/.test(code) ? code : null;
  const ownState = typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) && prismaCode === null ? code : null;
  return { prismaCode, sqlState: ownState ?? /"originalCode":"([0-9A-Z]{5})"/.exec(text)?.[1] ?? null, text };
}

/** What runs one statement: a pool, or a client of it. For statements that Prisma cannot say. */
export type Queryable = Pick<pg.Pool, 'query'>;

/** Prisma hands the text of a search to LIKE as it is. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
