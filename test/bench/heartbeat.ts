/**
 * 10,000 workers that beat every ten seconds: what that costs the server and the database, and when the silence of some of them
 * is noticed. Peer: a server that stores each beat by itself.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { migrate } from '../../server/src/migrations.ts';
import { createDatabase, startPostgres } from '../kit/postgres.ts';
import {
  type Bench,
  type BenchProcess,
  comparison,
  cpuSeconds,
  interleave,
  measurement,
  median,
  startNode,
} from './harness.ts';

const file = (name: string) => new URL(`./heartbeat/${name}.ts`, import.meta.url);
/** The time in which every worker of either side beats once. */
const turnSeconds = 10;

export const bench: Bench = {
  title: 'heartbeats of 10,000 workers: server, database, and how soon silence is noticed',
  async run(ctx) {
    const workers = ctx.quick ? 1000 : 10_000;
    const postgres = await startPostgres();
    const database = await createDatabase(postgres.url);
    const processes: BenchProcess[] = [];
    try {
      await migrate(database.url);
      const postmaster = await prepare(database.url, workers);
      const server = await startNode<{ port: number }>(file('server'), { args: [database.url] });
      const ours = await startNode(file('workers'), { args: [String(server.ready.port), String(workers)] });
      const each = await startNode(file('each'), { args: [database.url, String(workers)] });
      processes.push(server, ours, each);
      const apiShares: number[] = [];
      const statementRates: number[] = [];

      /** CPU of the database in one turn. Our workers beat all the time; the peer's come on top of them. */
      const databaseCpu = async (withPeer: boolean): Promise<number> => {
        const before = { database: cpuSeconds(postmaster, { tree: true }), api: cpuSeconds(server.pid) };
        const { statements } = await ask(server);
        const startMs = performance.now();
        await Promise.all([sleep(turnSeconds * 1000), withPeer ? turn(each) : undefined]);
        const seconds = (performance.now() - startMs) / 1000;
        if (!withPeer) {
          apiShares.push((cpuSeconds(server.pid) - before.api) / seconds);
          statementRates.push(((await ask(server)).statements - statements) / seconds);
        }
        return (cpuSeconds(postmaster, { tree: true }) - before.database) * (turnSeconds / seconds);
      };
      // All have come by then, and the first look at silence is past.
      await sleep(ctx.quick ? 5_000 : 35_000);
      const samples = await interleave(ctx.rounds, { ours: () => databaseCpu(false), both: () => databaseCpu(true) });
      const each10s = samples.both.map((cpu) => cpu - median(samples.ours));
      ctx.report(
        measurement({
          row: `server, ${workers} workers, share of a core`,
          ours: median(apiShares.slice(1)),
          unit: 'cores',
          goal: { atMost: 0.05 },
        }),
      );
      ctx.report(
        measurement({ row: 'statements', ours: median(statementRates.slice(1)), unit: '1/s', goal: { atMost: 2 } }),
      );
      ctx.report(
        comparison({
          row: `database, CPU for ${workers} beats in 10 s`,
          ours: samples.ours,
          peer: each10s,
          peerName: 'UPDATE+SELECT',
          unit: 'CPU-s',
          goal: { atMost: 0.02 },
        }),
      );
      if (ctx.wants('silence')) ctx.report(await silence({ server, ours, workers }));
    } finally {
      for (const one of processes.reverse()) await one.stop();
      await database.drop();
      await postgres.stop();
    }
  },
};

/** Some workers say nothing more while the others go on: the largest distance from 30 s at which one is noticed. */
async function silence(parts: { server: BenchProcess; ours: BenchProcess; workers: number }) {
  const silent = Math.min(500, parts.workers / 10);
  const before = (await ask(parts.server)).silentAfterMs.length;
  parts.ours.child.send({ type: 'silent', count: silent });
  await sleep(45_000);
  const noticed = (await ask(parts.server)).silentAfterMs.slice(before);
  if (noticed.length !== silent)
    throw new Error(`expected ${silent} to be noticed, and no other: got ${noticed.length}`);
  const worstMs = noticed.map((ms) => Math.abs(ms - 30_000)).reduce((a, b) => Math.max(a, b), 0);
  return measurement({
    row: 'silence noticed, largest distance from 30 s',
    ours: worstMs / 1000,
    unit: 's',
    goal: { atMost: 2 },
  });
}

/** Rows for all workers. Gives the process that all of PostgreSQL's others descend from. */
async function prepare(url: string, workers: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`
      INSERT INTO users (id, login, name) VALUES ('usr00000000000000000000000000', 'ann', 'Ann');
      INSERT INTO namespaces (id, name) VALUES ('nsp00000000000000000000000000', 'default');
      INSERT INTO platforms (id, name, kind, token_hash) VALUES ('plt00000000000000000000000000', 'local', 'local', 'x');`);
    await client.query(
      `INSERT INTO environments (id, namespace_id, owner_id, platform_id, name, spec, ssh_host_key, ssh_host_key_fingerprint, phase, connectivity)
       SELECT 'env' || lpad(n::text, 26, '0'), 'nsp00000000000000000000000000', 'usr00000000000000000000000000',
         'plt00000000000000000000000000', 'e' || n, '{}', repeat('k', 600), 'SHA256:x', 'running', 'online'
       FROM generate_series(0, $1 - 1) AS n`,
      [workers],
    );
    await client.query(
      `INSERT INTO workers (id, environment_id, generation, state)
       SELECT 'wrk' || lpad(n::text, 26, '0'), 'env' || lpad(n::text, 26, '0'), 1, 'ready' FROM generate_series(0, $1 - 1) AS n`,
      [workers],
    );
    await client.query(
      `INSERT INTO presence (environment_id, generation, last_seen_at, beat) SELECT id, 1, now(), '{}' FROM environments`,
    );
    // The peer's rows are its own: two writers of one row would wait for each other.
    await client.query('CREATE TABLE presence_each (LIKE presence INCLUDING ALL)');
    await client.query('INSERT INTO presence_each SELECT * FROM presence');
    await client.query('VACUUM ANALYZE');
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return parentOf(rows[0]?.pid ?? 0);
  } finally {
    await client.end();
  }
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.split(') ').at(-1)?.split(' ')[1]);
}

async function turn(beating: BenchProcess): Promise<void> {
  await answerTo(beating, 'beat');
}

function ask(server: BenchProcess): Promise<{ statements: number; silentAfterMs: number[] }> {
  return answerTo(server, 'state');
}

/** What the process sends back. Rejects when it ends instead. */
function answerTo<T>({ child }: BenchProcess, type: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`a process of the benchmark ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
    child.send({ type });
  });
}
