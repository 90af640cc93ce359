/**
 * Applies the migrations of `schema/database/migrations` in the order of their names, each as one transaction. The record
 * is Prisma's own table, so that its command agrees about what has been applied. Several replicas may start at once: an
 * advisory lock lets one after the other look, and all but the first find nothing to do.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '@easel/schema/errors';
import pg from 'pg';

const MIGRATIONS_DIR = fileURLToPath(new URL('database/migrations', import.meta.resolve('@easel/schema/package.json')));
/** Prisma Migrate's own advisory lock. Source: prisma-engines, `schema-connector` of SQL. */
const LOCK_ID = 72_707_369;

const CREATE_RECORD = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

interface RecordRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

/** Gives the names of the migrations that it applied. Throws when one fails, or when one that was applied has changed. */
export async function migrate(databaseUrl: string, dir: string = MIGRATIONS_DIR): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'easel-migrate' });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK_ID]);
    await client.query(CREATE_RECORD);
    const known = await readRecord(client);
    const applied: string[] = [];
    for (const migration of await readMigrations(dir)) {
      const checksum = known.get(migration.name);
      if (checksum === undefined) {
        await apply(client, migration);
        applied.push(migration.name);
      } else if (checksum !== migration.checksum) {
        throw refuse(`migration ${migration.name} was changed after it had been applied: restore its file`);
      }
    }
    return applied;
  } finally {
    await client.end();
  }
}

/** Throws WRONG_STATE, with what to do, when migrations are missing. It waits for none that is being applied. */
export async function requireMigrated(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'easel-migrate' });
  await client.connect();
  try {
    const { rows } = await client.query<{ exists: boolean }>(
      "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists",
    );
    const known = rows[0]?.exists ? await readRecord(client) : new Map<string, string>();
    const missing = (await readMigrations(MIGRATIONS_DIR)).filter(({ name }) => !known.has(name));
    if (missing.length === 0) return;
    const names = missing.map(({ name }) => name).join(', ');
    throw refuse(`the database lacks ${names}: run "npm run migrate -w @easel/server" first`);
  } finally {
    await client.end();
  }
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(`${dir}/${name}/migration.sql`, 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function readRecord(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<RecordRow>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  const failed = rows.filter((row) => row.finished_at === null).map((row) => row.migration_name);
  if (failed.length > 0) {
    throw refuse(`migration ${failed.join(', ')} failed half-way: repair it as Prisma's "migrate resolve" tells`);
  }
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

/** PostgreSQL runs a text of several statements as one transaction, so a failed migration leaves nothing behind. */
async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query(`BEGIN;\n${sql}`);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (err) {
    await client.query('ROLLBACK');
    throw err;
  }
}

function refuse(message: string): AppError {
  return new AppError({ code: 'WRONG_STATE', message });
}
