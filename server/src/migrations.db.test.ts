import { appendFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { suiteDatabase } from './http/server.kit.ts';
import { migrate, requireMigrated } from './migrations.ts';

const original = fileURLToPath(new URL('database/migrations', import.meta.resolve('@easel/schema/package.json')));
let dir: string;
let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: suiteDatabase() });
  await client.connect();
});
afterAll(() => client.end());
beforeEach(async () => {
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  dir = await mkdtemp(join(tmpdir(), 'easel-migrations-'));
  await cp(original, dir, { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(dir, name));
  await writeFile(join(dir, name, 'migration.sql'), sql);
}

it('applies all in the order of their names, once', async () => {
  await addMigration(
    '29990101000000_second',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; CREATE TABLE extra (id int)',
  );
  const applied = await migrate(suiteDatabase(), dir);
  expect(applied.at(-1)).toBe('29990101000000_second');
  expect(await migrate(suiteDatabase(), dir)).toEqual([]);
  expect((await client.query('SELECT f()')).rows).toEqual([{ f: 1 }]);
});

it('applies each once when many replicas start at the same moment', async () => {
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => migrate(suiteDatabase(), dir)));
  expect(outcomes.filter((applied) => applied.length > 0)).toHaveLength(1);
});

it('leaves nothing behind of one that fails, and applies it once it is corrected', async () => {
  await addMigration('29990101000000_broken', 'CREATE TABLE half (id int); SELECT nonsense');
  await expect(migrate(suiteDatabase(), dir)).rejects.toThrow('nonsense');
  expect((await client.query("SELECT to_regclass('half') AS half")).rows).toEqual([{ half: null }]);
  await writeFile(join(dir, '29990101000000_broken', 'migration.sql'), 'CREATE TABLE half (id int)');
  expect(await migrate(suiteDatabase(), dir)).toEqual(['29990101000000_broken']);
});

it('refuses to go on when an applied one was changed', async () => {
  const [first = ''] = await migrate(suiteDatabase(), dir);
  await appendFile(join(dir, first, 'migration.sql'), '\n-- changed');
  await expect(migrate(suiteDatabase(), dir)).rejects.toThrow('was changed after it had been applied');
});

it('lets a server start only on a database that has them all', async () => {
  await expect(requireMigrated(suiteDatabase())).rejects.toThrow('npm run migrate -w @easel/server');
  await migrate(suiteDatabase());
  await requireMigrated(suiteDatabase());
});
