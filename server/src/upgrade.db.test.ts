/**
 * Migrations expand first: they run while the release before works on, and `helm rollback` brings that release back to the newer
 * database. So what it reads must still be there, and what it writes must still be taken.
 */

import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openServer, suiteDatabase } from './http/server.kit.ts';
import { migrate, requireMigrated } from './migrations.ts';
import { ADMINISTRATOR } from './rights/rights.kit.ts';

const original = fileURLToPath(new URL('database/migrations', import.meta.resolve('@easel/schema/package.json')));
const entries = await readdir(original, { withFileTypes: true });
const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
const migrations = names.sort();

let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: suiteDatabase() });
  await client.connect();
});
afterAll(() => client.end());
beforeEach(() => client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

/** Brings the database to the schema of the first `count` migrations. */
async function migrateTo(count: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'easel-migrations-'));
  try {
    for (const name of migrations.slice(0, count)) await cp(join(original, name), join(dir, name), { recursive: true });
    await migrate(suiteDatabase(), dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

interface Column {
  type: string;
  /** A row may be written without it. */
  isOptional: boolean;
  isNullable: boolean;
}

interface Rule {
  definition: string;
  table: string;
  columns: string[];
}

interface Shape {
  /** By `table.column`. */
  columns: Map<string, Column>;
  /** Constraints and unique indexes: what a row that is written may break, and what `ON CONFLICT` names. */
  rules: Rule[];
}

async function readShape(): Promise<Shape> {
  const columns = await client.query<{ at: string; type: string; nullable: boolean; has_default: boolean }>(`
    SELECT c.relname || '.' || a.attname AS at, format_type(a.atttypid, a.atttypmod) AS type,
      NOT a.attnotnull AS nullable, a.atthasdef OR a.attidentity <> '' AS has_default
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped`);
  const rules = await client.query<Rule>(`
    SELECT c.relname AS "table", definition, ARRAY(SELECT a.attname::text FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum = ANY(keys)) AS columns
    FROM (
      SELECT conrelid AS relid, pg_get_constraintdef(oid) AS definition, conkey::int2[] AS keys FROM pg_constraint
      WHERE contype IN ('f', 'c', 'x')
      UNION ALL
      SELECT indrelid, pg_get_indexdef(indexrelid), indkey::int2[] FROM pg_index WHERE indisunique
    ) AS found JOIN pg_class c ON c.oid = relid
    WHERE c.relnamespace = 'public'::regnamespace`);
  return {
    columns: new Map(
      columns.rows.map(({ at, type, nullable, has_default }) => [
        at,
        { type, isNullable: nullable, isOptional: nullable || has_default },
      ]),
    ),
    rules: rules.rows,
  };
}

/** What of `after` would break the release that knows `before`, one line each. */
function narrowings(before: Shape, after: Shape): string[] {
  const tableOf = (at: string) => at.slice(0, at.indexOf('.'));
  const knownTables = new Set([...before.columns.keys()].map(tableOf));
  const found: string[] = [];
  for (const [at, column] of before.columns) {
    const now = after.columns.get(at);
    if (!now) found.push(`${at} is gone`);
    else if (now.type !== column.type) found.push(`${at} was ${column.type} and is ${now.type}`);
    else if (column.isNullable && !now.isNullable) found.push(`${at} must not be null any more`);
    else if (column.isOptional && !now.isOptional) found.push(`${at} has lost its default`);
  }
  for (const [at, column] of after.columns) {
    const isNew = knownTables.has(tableOf(at)) && !before.columns.has(at);
    if (isNew && !column.isOptional) found.push(`${at} is new and must be written`);
  }
  const had = new Set(before.rules.map(({ definition, table }) => `${table}: ${definition}`));
  const has = new Set(after.rules.map(({ definition, table }) => `${table}: ${definition}`));
  for (const rule of had) if (!has.has(rule)) found.push(`gone: ${rule}`);
  for (const { table, definition, columns } of after.rules) {
    // With a new column among them, what the release before writes has its default there.
    const isOfOldColumns =
      knownTables.has(table) && columns.every((column) => before.columns.has(`${table}.${column}`));
    if (isOfOldColumns && !had.has(`${table}: ${definition}`)) found.push(`new: ${table}: ${definition}`);
  }
  return found;
}

describe('a migration', () => {
  it.each(migrations.slice(1).map((name, at) => [name, at + 1] as const))(
    '%s leaves the release before it what it needs',
    async (_name, count) => {
      await migrateTo(count);
      const before = await readShape();
      await migrateTo(count + 1);
      expect(narrowings(before, await readShape())).toEqual([]);
    },
  );

  it.each([
    ['ALTER TABLE users DROP COLUMN email', 'users.email is gone'],
    ['ALTER TABLE users RENAME COLUMN email TO mail', 'users.email is gone'],
    ['ALTER TABLE users ALTER COLUMN email TYPE varchar(10)', 'users.email was text and is character varying(10)'],
    ['ALTER TABLE users ALTER COLUMN email SET NOT NULL', 'users.email must not be null any more'],
    ['ALTER TABLE users ALTER COLUMN created_at DROP DEFAULT', 'users.created_at has lost its default'],
    ['ALTER TABLE users ADD COLUMN title text NOT NULL', 'users.title is new and must be written'],
    ['CREATE UNIQUE INDEX by_name ON users (name)', 'new: users: CREATE UNIQUE INDEX by_name'],
    ["ALTER TABLE users ADD CHECK (name <> '')", 'new: users: CHECK'],
    ['DROP INDEX users_login_key', 'gone: users: CREATE UNIQUE INDEX users_login_key'],
  ])('that says %s would not', async (sql, line) => {
    await migrateTo(migrations.length);
    const before = await readShape();
    await client.query(sql);
    const found = narrowings(before, await readShape());
    expect(found.filter((one) => one.startsWith(line))).toHaveLength(1);
  });

  it.each([
    'ALTER TABLE users ADD COLUMN title text',
    "ALTER TABLE users ADD COLUMN title text NOT NULL DEFAULT '' CHECK (title <> 'x')",
    'CREATE TABLE extra (id text PRIMARY KEY, user_id text NOT NULL REFERENCES users (id))',
    'ALTER TABLE users ALTER COLUMN login DROP NOT NULL',
    'CREATE INDEX by_name ON users (name)',
  ])('may say %s', async (sql) => {
    await migrateTo(migrations.length);
    const before = await readShape();
    await client.query(sql);
    expect(narrowings(before, await readShape())).toEqual([]);
  });
});

describe('a release', () => {
  const environmentsOf = '{ environments(first: 5) { edges { node { id name } } } }';
  const create = `mutation { createEnvironment(input: { name: "kept", template: "kept" }) {
    __typename ... on Refusal { message } ... on Environment { id name } } }`;
  const namesIn = (data: unknown) => JSON.stringify(data).match(/"name":"[^"]*"/g);

  async function fill(): Promise<void> {
    const server = await openServer(suiteDatabase());
    try {
      const administrator = { ...(await server.newUser()), rights: ADMINISTRATOR };
      const repository = { url: 'https://git.example.com/kept.git' };
      await server.app.services.templates.create(administrator, { name: 'kept', repository });
      const { data, errors } = await server.ask(create);
      expect(errors).toEqual([]);
      expect(data).toMatchObject({ createEnvironment: { __typename: 'Environment', name: 'kept' } });
    } finally {
      await server.close();
    }
  }

  /** Takes the last migration back, and with it what only its release knows of the rows. */
  async function backToBefore(): Promise<void> {
    await client.query('ALTER SCHEMA public RENAME TO newer; CREATE SCHEMA public');
    await migrateTo(migrations.length - 1);
    const { columns } = await readShape();
    const tables = new Map<string, string[]>();
    for (const at of columns.keys()) {
      const [table = '', column = ''] = at.split('.');
      tables.set(table, [...(tables.get(table) ?? []), `"${column}"`]);
    }
    tables.delete('_prisma_migrations');
    // The order of the tables would matter to foreign keys alone.
    await client.query('SET session_replication_role = replica');
    for (const [table, known] of tables) {
      const list = known.join(', ');
      await client.query(`INSERT INTO public."${table}" (${list}) SELECT ${list} FROM newer."${table}"`);
    }
    await client.query('SET session_replication_role = DEFAULT; DROP SCHEMA newer CASCADE');
  }

  it('goes on with what the release before has stored', async () => {
    await migrateTo(migrations.length);
    await fill();
    await backToBefore();
    await expect(requireMigrated(suiteDatabase())).rejects.toThrow(migrations.at(-1));

    expect(await migrate(suiteDatabase())).toEqual(migrations.slice(-1));
    const server = await openServer(suiteDatabase());
    try {
      const { data, errors } = await server.ask(environmentsOf);
      expect(errors).toEqual([]);
      expect(namesIn(data)).toEqual(['"name":"kept"']);
    } finally {
      await server.close();
    }
  });

  it('starts on a database that a newer one has migrated', async () => {
    await migrateTo(migrations.length);
    await client.query(`INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
      VALUES ('newer', 'x', '29990101000000_newer', now()); CREATE TABLE newer (id text PRIMARY KEY)`);
    await requireMigrated(suiteDatabase());
    expect(await migrate(suiteDatabase())).toEqual([]);
    await fill();
  });
});
