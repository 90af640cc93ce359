import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { silentLog } from '@easel/kit/log';
import { newId } from '@easel/schema/ids';
import pg from 'pg';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { createLive } from './live.ts';
import { notifyInTransaction, type RawExecutor } from './notify.ts';

const databaseUrl = process.env.EASEL_TEST_DATABASE_URL ?? '';
const open: (() => Promise<unknown> | unknown)[] = [];
let pool: pg.Pool;

beforeAll(() => {
  pool = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  pool.on('error', () => undefined);
  return () => pool.end();
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const executorOf = (client: Pick<pg.Pool, 'query'>): RawExecutor => ({
  $executeRawUnsafe: async (query, ...values) => (await client.query(query, values)).rowCount ?? 0,
});

async function listening(url = databaseUrl) {
  const ending = new AbortController();
  const live = await createLive({
    databaseUrl: url,
    database: executorOf(pool),
    log: silentLog,
    signal: ending.signal,
  });
  open.push(() => {
    ending.abort();
    return live.closed;
  });
  return live;
}

const hint = () => ({ id: newId('environment'), ownerId: newId('user') });

it('tells every server after the commit, and nobody after a rollback', async () => {
  const [one, two] = [await listening(), await listening()];
  const [kept, undone] = [hint(), hint()];
  const readers = [one, two].map((live) => live.environments({}));
  const client = await pool.connect();
  await client.query('BEGIN');
  await notifyInTransaction(executorOf(client), { environments: [undone] });
  await client.query('ROLLBACK');
  await client.query('BEGIN');
  await notifyInTransaction(executorOf(client), { environments: [kept] });
  await client.query('COMMIT');
  client.release();
  for (const reader of readers) expect((await reader.next()).value).toEqual({ kind: 'changed', id: kept.id });
});

it('tells hundreds of changes of one transaction', async () => {
  const live = await listening();
  const hints = Array.from({ length: 600 }, hint);
  const reader = live.environments({});
  await notifyInTransaction(executorOf(pool), { environments: hints });
  const seen = new Set<string>();
  while (seen.size < hints.length) {
    const { value } = await reader.next();
    if (value?.kind === 'changed') seen.add(value.id);
  }
  expect(seen).toEqual(new Set(hints.map(({ id }) => id)));
});

it('listens again after its connection was cut, and tells everybody to read again', async () => {
  const live = await listening();
  const environment = hint();
  const reader = live.environment(environment.id);
  await pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'easel live'");
  expect((await reader.next()).value).toEqual({ kind: 'resync' });
  await notifyInTransaction(executorOf(pool), { environments: [environment] });
  expect((await reader.next()).value).toEqual({ kind: 'changed' });
});

it('notices a connection that says nothing any more', async () => {
  const proxy = await silentProxy();
  const live = await listening(proxy.url);
  const environment = hint();
  const reader = live.environment(environment.id);
  proxy.silence();
  await notifyInTransaction(executorOf(pool), { environments: [environment] });
  // The lost notification is made up for: the probe finds the silence, and the reader reads again.
  expect((await reader.next()).value).toEqual({ kind: 'resync' });
  await notifyInTransaction(executorOf(pool), { environments: [environment] });
  expect((await reader.next()).value).toEqual({ kind: 'changed' });
}, 30_000);

it('cannot be started without a database', async () => {
  await expect(listening('postgresql://easel:easel@127.0.0.1:1/none')).rejects.toThrow();
});

/** Passes everything on, until it is told to swallow what the connections of that moment say. */
async function silentProxy(): Promise<{ url: string; silence(): void }> {
  const target = new URL(databaseUrl);
  const pairs = new Set<{ near: Socket; far: Socket }>();
  const server: Server = createServer((near) => {
    const far = dial(Number(target.port), target.hostname);
    const pair = { near, far };
    pairs.add(pair);
    near.on('error', () => far.destroy()).pipe(far);
    far.on('error', () => near.destroy()).pipe(near);
    near.on('close', () => {
      pairs.delete(pair);
      far.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    for (const { near } of pairs) near.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = new URL(databaseUrl);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    silence() {
      for (const { near, far } of pairs) {
        far.unpipe(near);
        far.resume();
      }
    },
  };
}
