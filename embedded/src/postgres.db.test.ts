import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { identifyProcess } from '@easel/kit/processes';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LogFile } from './log-file.ts';
import { freePort } from './ports.ts';
import {
  databaseUrl,
  endOrphanedPostgres,
  type PostgresOptions,
  packagedPostgres,
  postgresProgram,
  prepareCluster,
} from './postgres.ts';
import { Screen } from './screen.ts';
import { keepSecrets } from './secrets.ts';
import { Supervised } from './supervised.ts';
import { systemUser } from './users.ts';

let folder: string;
let options: PostgresOptions;
let server: Supervised;
let file: LogFile;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easel-pg-'));
  chmodSync(folder, 0o755);
  options = {
    programsDir: packagedPostgres(),
    clusterDir: join(folder, 'postgres'),
    port: await freePort(),
    passwordFile: keepSecrets(join(folder, 'secrets'))['database-password'],
    user: process.getuid?.() === 0 ? systemUser('postgres', () => undefined) : null,
  };
  file = new LogFile(join(folder, 'postgres.log'));
  server = new Supervised(postgresProgram(options), new Screen(new PassThrough().resume(), { isVerbose: false }), file);
}, 60_000);
afterAll(async () => {
  await server.kill();
  file.close();
  rmSync(folder, { recursive: true });
});

async function query(text: string, url = databaseUrl(options)): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

test('a cluster is made, serves, and keeps its data over a stop', { timeout: 60_000 }, async () => {
  await prepareCluster(options);
  await server.start();
  await query('CREATE TABLE kept AS SELECT 7 AS n');
  await server.stop(20_000);
  await prepareCluster(options);
  await server.start();
  expect(await query('SELECT n FROM kept')).toBe(7);
  expect(await query('SHOW server_encoding')).toBe('UTF8');
  expect([existsSync(`${options.clusterDir}.new`), existsSync(`${options.clusterDir}.password`)]).toEqual([
    false,
    false,
  ]);
});

test('nobody gets in without the password', async () => {
  const url = new URL(databaseUrl(options));
  url.password = 'wrong';
  await expect(query('SELECT 1', url.href)).rejects.toThrow('password authentication failed');
});

test('one that a killed supervisor left behind is found and stopped; a stale or foreign pid is let alone', async () => {
  expect(await endOrphanedPostgres(join(folder, 'nowhere'))).toBe(false);
  await server.stop(20_000);
  writeFileSync(join(options.clusterDir, 'postmaster.pid'), `${process.pid}\n`);
  expect(await endOrphanedPostgres(options.clusterDir)).toBe(false);
  rmSync(join(options.clusterDir, 'postmaster.pid'));
  const orphan = postgresProgram(options);
  const child = orphan.launch();
  await orphan.ready(child);
  expect(await endOrphanedPostgres(options.clusterDir)).toBe(true);
  expect(identifyProcess(child.pid ?? 0)).toBeNull();
}, 60_000);

test('a cluster of another major version is refused with what to do', async () => {
  writeFileSync(join(options.clusterDir, 'PG_VERSION'), '17\n');
  await expect(prepareCluster(options)).rejects.toThrow('was made by PostgreSQL 17, and this is 18');
});
