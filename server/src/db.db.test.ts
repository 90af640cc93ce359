import { AppError } from '@easel/schema/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, inTransaction, logAfterCommit, openDatabase, reading, uniqueViolation } from './db.ts';
import { suiteDatabase } from './http/server.kit.ts';
import { migrate } from './migrations.ts';

let database: Database;
beforeAll(async () => {
  await migrate(suiteDatabase());
  database = openDatabase({ url: suiteDatabase(), connections: 4 });
});
afterAll(() => database.close());

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (err: unknown) => err,
  );

describe('a database that is away', () => {
  it('is trouble, whichever way it is asked', async () => {
    const away = openDatabase({ url: 'postgresql://nobody@127.0.0.1:1/none', connections: 2 });
    for (const attempt of [
      () => reading(() => away.db.user.findFirst()),
      () => reading(() => away.db.$queryRawUnsafe('SELECT 1')),
      () => reading(() => away.pool.query('SELECT 1')),
      () => inTransaction(away.db, (tx) => tx.user.findFirst()),
    ]) {
      const err = await outcome(attempt());
      expect(err).toBeInstanceOf(AppError);
      expect(err).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      expect((err as AppError).message).not.toContain('127.0.0.1');
    }
    await away.close();
  });

  // The next statement meets the connection as it breaks, or a client that knows already: the driver says them differently.
  it.each([0, 100])(
    'in the middle of a transaction is trouble too (%i ms on), and nothing of it is kept',
    async (ms) => {
      const err = await outcome(
        inTransaction(database.db, async (tx) => {
          await tx.namespace.create({ data: { id: 'nsp1', name: 'half' } });
          const [row] = await tx.$queryRawUnsafe<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
          await database.pool.query('SELECT pg_terminate_backend($1)', [row?.pid]);
          await new Promise((resolve) => setTimeout(resolve, ms));
          await tx.namespace.create({ data: { id: 'nsp2', name: 'other half' } });
        }),
      );
      expect(err).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(await database.db.namespace.count({ where: { name: { contains: 'half' } } })).toBe(0);
    },
  );
});

describe('a transaction', () => {
  it('is tried again when two lock crosswise', async () => {
    await database.db.namespace.createMany({
      data: [
        { id: 'nspa', name: 'a' },
        { id: 'nspb', name: 'b' },
      ],
    });
    let rounds = 0;
    const crosswise = (first: string, second: string) =>
      inTransaction(database.db, async (tx) => {
        rounds++;
        await tx.namespace.update({ where: { name: first }, data: { id: `nsp${first}` } });
        await new Promise((resolve) => setTimeout(resolve, 100));
        await tx.namespace.update({ where: { name: second }, data: { id: `nsp${second}` } });
      });
    await Promise.all([crosswise('a', 'b'), crosswise('b', 'a')]);
    expect(rounds).toBe(3);
  });

  it('gives an error of ours, and a bug, as they are', async () => {
    const refusal = new AppError({ code: 'WRONG_STATE', message: 'm' });
    expect(await outcome(inTransaction(database.db, () => Promise.reject(refusal)))).toBe(refusal);
    const bug = new TypeError('b');
    expect(await outcome(inTransaction(database.db, () => Promise.reject(bug)))).toBe(bug);
  });

  it('says which index a doubled row violates', async () => {
    await database.db.namespace.create({ data: { id: 'nspd', name: 'd' } });
    const err = await outcome(
      inTransaction(database.db, (tx) => tx.namespace.create({ data: { id: 'nspe', name: 'd' } })),
    );
    expect(uniqueViolation(err)).toContain('name');
    expect(uniqueViolation(new Error('other'))).toBeNull();
  });

  it('logs what it did only once it has committed', async () => {
    const told: unknown[] = [];
    const log = { info: (fields: unknown) => void told.push(fields) } as never;
    const noisy = openDatabase({ url: suiteDatabase(), connections: 2, log });
    await inTransaction(noisy.db, async (tx) => logAfterCommit(tx, { n: 1 }, 'done'));
    await outcome(
      inTransaction(noisy.db, async (tx) => {
        logAfterCommit(tx, { n: 2 }, 'done');
        throw new Error('undo');
      }),
    );
    expect(told).toEqual([{ n: 1 }]);
    await noisy.close();
  });
});
