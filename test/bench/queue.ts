/**
 * The queue of placements: how soon a claim follows an enqueue that wakes it by notification, how fast a full queue is
 * claimed, and whether a million finished rows slow it down. Peer: graphile-worker with its defaults, whose jobs do nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@easel/kit/log';
import { newId, type PlatformId } from '@easel/schema/ids';
import { Logger, quickAddJob, run } from 'graphile-worker';
import type pg from 'pg';
import { type Db, openDatabase } from '../../server/src/db.ts';
import { createLive, type Live } from '../../server/src/live/live.ts';
import { notifyInTransaction } from '../../server/src/live/notify.ts';
import { migrate } from '../../server/src/migrations.ts';
import { CLAIM_SQL, placementStore } from '../../server/src/placement/placement.store.ts';
import { createDatabase, startPostgres } from '../kit/postgres.ts';
import { type Bench, type BenchContext, comparison, interleave, measurement, percentile } from './harness.ts';

const platformId = 'plt00000000000000000000000000' as PlatformId;
const claim = { leaseSeconds: 60, claimedBy: 'bench' };

interface Queue {
  db: Db;
  pool: pg.Pool;
  live: Live;
  environments: number;
}

export const bench: Bench = {
  title: 'placements: enqueue to claim, drain, and a million finished rows',
  async run(ctx) {
    const postgres = await startPostgres();
    const database = await createDatabase(postgres.url);
    const ending = new AbortController();
    const opened = openDatabase({ url: database.url, connections: 10 });
    try {
      await migrate(database.url);
      const live = await createLive({
        databaseUrl: database.url,
        database: opened.db,
        log: silentLog,
        signal: ending.signal,
      });
      const queue: Queue = { db: opened.db, pool: opened.pool, live, environments: ctx.quick ? 2_000 : 100_000 };
      await prepare(queue);
      if (ctx.wants('enqueue')) await latency(ctx, queue);
      if (ctx.wants('drain')) await drain(ctx, queue, database.url);
      if (ctx.wants('finished')) await finishedRows(ctx, queue);
      ending.abort();
      await live.closed;
    } finally {
      ending.abort();
      await opened.close();
      await database.drop();
      await postgres.stop();
    }
  },
};

async function latency(ctx: BenchContext, queue: Queue): Promise<void> {
  const samples: number[] = [];
  for (let round = 0; round < ctx.rounds; round++) samples.push(...(await enqueueToClaim(queue, ctx.quick ? 50 : 200)));
  const unit = 'ms';
  ctx.report(measurement({ row: 'enqueue → claim, p50', ours: percentile(samples, 0.5), unit, goal: { atMost: 3 } }));
  ctx.report(measurement({ row: 'enqueue → claim, p99', ours: percentile(samples, 0.99), unit, goal: { atMost: 12 } }));
}

/** One placement at a time: stored with its notification, claimed by who was woken by it. Milliseconds from the commit. */
async function enqueueToClaim({ db, live, environments }: Queue, count: number): Promise<number[]> {
  const hints = live.placements(platformId);
  const samples: number[] = [];
  for (let n = 0; n < count; n++) {
    await db.$transaction(async (tx) => {
      const id = environmentIdOf(n % environments);
      await placementStore.insert(tx, { environmentId: id, platformId, workerId: null, generation: 1, wish: 'run' });
      await notifyInTransaction(tx, { placements: [platformId] });
    });
    const committedMs = performance.now();
    let ids: unknown[] = [];
    while (ids.length === 0) {
      await hints.next();
      ids = await placementStore.claim(db, platformId, { ...claim, limit: 10 });
    }
    samples.push(performance.now() - committedMs);
    await sleep(2);
  }
  await hints.return?.();
  await finishAll(db);
  return samples;
}

async function drain(ctx: BenchContext, queue: Queue, url: string): Promise<void> {
  const count = ctx.quick ? 500 : 5_000;
  const samples = await interleave(ctx.rounds, {
    ours: async () => {
      await fill(queue, count);
      const startMs = performance.now();
      for (let left = count; left > 0; ) {
        const ids = await placementStore.claim(queue.db, platformId, { ...claim, limit: 100 });
        if (ids.length === 0) throw new Error(`${left} placements are not handed out`);
        left -= ids.length;
      }
      const perSecond = count / ((performance.now() - startMs) / 1000);
      await finishAll(queue.db);
      return perSecond;
    },
    graphile: () => drainGraphile(queue.pool, url, count),
  });
  ctx.report(
    comparison({
      row: `drain of ${count}, claims per second`,
      ours: samples.ours,
      peer: samples.graphile,
      peerName: 'graphile-worker',
      unit: '1/s',
      goal: { atLeast: 8 },
    }),
  );
}

async function drainGraphile(pool: pg.Pool, url: string, count: number): Promise<number> {
  const logger = new Logger(() => () => undefined);
  await quickAddJob({ connectionString: url, logger }, 'warm', {});
  await atLeisure(pool, `SELECT graphile_worker.add_job('nothing') FROM generate_series(1, $1)`, [count]);
  const done = Promise.withResolvers<void>();
  let finished = 0;
  const startMs = performance.now();
  const runner = await run({
    connectionString: url,
    logger,
    noHandleSignals: true,
    taskList: {
      warm: () => undefined,
      nothing: () => {
        if (++finished === count) done.resolve();
      },
    },
  });
  await done.promise;
  const perSecond = count / ((performance.now() - startMs) / 1000);
  await runner.stop();
  return perSecond;
}

async function finishedRows(ctx: BenchContext, queue: Queue): Promise<void> {
  const rows = ctx.quick ? 20_000 : 1_000_000;
  const batch = async () => {
    await fill(queue, 1_000);
    const samples: number[] = [];
    for (let i = 0; i < 100; i++) {
      const startMs = performance.now();
      await placementStore.claim(queue.db, platformId, { ...claim, limit: 10 });
      samples.push(performance.now() - startMs);
    }
    await finishAll(queue.db);
    return percentile(samples, 0.5);
  };
  const few: number[] = [];
  const many: number[] = [];
  for (let round = -1; round < ctx.rounds; round++) {
    const ms = await batch();
    if (round >= 0) few.push(ms);
  }
  ctx.note(`storing ${rows} finished placements`);
  await atLeisure(
    queue.pool,
    `INSERT INTO placements (id, environment_id, platform_id, generation, wish, state, ended_at)
     SELECT 'plc1' || lpad(n::text, 25, '0'), 'env' || lpad((n % $2)::text, 26, '0'), $3, 0, 'run', 'ended', now()
     FROM generate_series(1, $1) AS n`,
    [rows, queue.environments, platformId],
  );
  await vacuum(queue.pool, 'placements');
  for (let round = -1; round < ctx.rounds; round++) {
    const ms = await batch();
    if (round >= 0) many.push(ms);
  }
  ctx.report(
    comparison({
      row: `claim beside ${rows} finished rows, p50`,
      ours: many,
      peer: few,
      peerName: 'without them',
      unit: 'ms',
      goal: { atMost: 1.2 },
    }),
  );
  const { rows: plan } = await queue.pool.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN ${CLAIM_SQL.replace('$1', `'${platformId}'`).replace('$2', '10').replace('$3', '60').replace('$4', "'bench'")}`,
  );
  const usesIndex = plan.some((line) => line['QUERY PLAN'].includes('placements_queue_idx'));
  ctx.note(usesIndex ? 'the claim walks its partial index' : 'THE CLAIM DOES NOT USE ITS PARTIAL INDEX');
}

/** What prepares a benchmark may take longer than the server lets a statement take. */
async function atLeisure(pool: pg.Pool, text: string, values: unknown[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL statement_timeout = 0');
    await client.query(text, values);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

/** Cannot run in a transaction: the limit is lifted for a connection that is thrown away afterwards. */
async function vacuum(pool: pg.Pool, table: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('SET statement_timeout = 0');
    await client.query(`VACUUM ANALYZE ${table}`);
  } finally {
    client.release(true);
  }
}

const environmentIdOf = (n: number) => `env${String(n).padStart(26, '0')}` as never;

async function prepare({ pool, environments }: Queue): Promise<void> {
  await pool.query(`
    INSERT INTO users (id, login, name) VALUES ('usr00000000000000000000000000', 'ann', 'Ann');
    INSERT INTO namespaces (id, name) VALUES ('nsp00000000000000000000000000', 'default');
    INSERT INTO platforms (id, name, kind, token_hash) VALUES ('${platformId}', 'local', 'local', 'x');`);
  await pool.query(
    `INSERT INTO environments (id, namespace_id, owner_id, platform_id, name, spec, ssh_host_key, ssh_host_key_fingerprint)
     SELECT 'env' || lpad(n::text, 26, '0'), 'nsp00000000000000000000000000', 'usr00000000000000000000000000', $2,
       'e' || n, '{}', 'k', 'f' FROM generate_series(0, $1 - 1) AS n`,
    [environments, platformId],
  );
  await pool.query('VACUUM ANALYZE');
}

/** Puts so many placements into the queue, each of another environment. */
async function fill({ pool }: Queue, count: number): Promise<void> {
  const ids = Array.from({ length: count }, () => newId('placement'));
  await pool.query(
    `INSERT INTO placements (id, environment_id, platform_id, generation, wish)
     SELECT id, 'env' || lpad(n::text, 26, '0'), $2, 1, 'run' FROM unnest($1::text[]) WITH ORDINALITY AS given(id, n)`,
    [ids, platformId],
  );
}

async function finishAll(db: Db): Promise<void> {
  await db.placement.updateMany({ where: { state: { not: 'ended' } }, data: { state: 'ended', endedAt: new Date() } });
}
