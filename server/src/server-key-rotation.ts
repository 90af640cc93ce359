/**
 * Another EASEL_SECRET_KEY for what lies in the database already, while servers run. First both keys are given to all
 * replicas (the new one under EASEL_SECRET_KEYS_OTHER, then the two change places); then this goes through every text column
 * of every table and puts what is sealed under the present key; then the old key may go. It may be killed and run again at any
 * time: each value is replaced by compare-and-set.
 *
 * It knows no tables. What is sealed lies in a text column of its own, and says by its form which key has sealed it.
 */
import pg from 'pg';
import type { ServerKey } from './server-key.ts';

export interface Rotated {
  /** Put under the present key now. */
  rewrapped: number;
  /** Were under it already. */
  present: number;
  /** Columns with values that no key opens that was given: `table.column` with how many. */
  unknown: Record<string, number>;
}

const AT_ONCE = 500;
const SEALED = '^v2\\.[0-9a-f]{8}\\.[A-Za-z0-9_-]{80}\\.[A-Za-z0-9_-]+$';

/** Before there were envelopes; what each was sealed for. Values of sign-ins that are under way are gone in minutes. */
const DIRECT = [
  { table: 'environments', column: 'ssh_host_key', purpose: (id: string) => `environments/${id}/ssh_host_key` },
  { table: 'signing_keys', column: 'private_jwk', purpose: (id: string) => `signing_keys/${id}` },
  { table: 'sign_in_modules', column: 'secret', purpose: (id: string) => `sign_in_modules.secret ${id}` },
] as const;

export async function rotateServerKey(databaseUrl: string, key: ServerKey): Promise<Rotated> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const rotated: Rotated = { rewrapped: 0, present: 0, unknown: {} };
    for (const old of DIRECT) rotated.rewrapped += await sealAnew(client, key, old);
    for (const place of await textColumns(client)) await rewrapColumn(client, { key, place, rotated });
    return rotated;
  } finally {
    await client.end();
  }
}

interface Place {
  table: string;
  column: string;
}

async function textColumns(client: pg.Client): Promise<Place[]> {
  const { rows } = await client.query<Place>(
    `SELECT c.table_name AS table, c.column_name AS column
     FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type = 'text'
     ORDER BY 1, 2`,
  );
  return rows;
}

async function rewrapColumn(
  client: pg.Client,
  { key, place, rotated }: { key: ServerKey; place: Place; rotated: Rotated },
): Promise<void> {
  const [table, column] = [pg.escapeIdentifier(place.table), pg.escapeIdentifier(place.column)];
  // Values and not rows are walked through, in their own order: rows move when they are written.
  for (let after = ''; ; ) {
    const { rows } = await client.query<{ value: string }>(
      `SELECT DISTINCT ${column} COLLATE "C" AS value FROM ${table}
       WHERE ${column} ~ $1 AND ${column} COLLATE "C" > $2 ORDER BY 1 LIMIT ${AT_ONCE}`,
      [SEALED, after],
    );
    for (const { value } of rows) {
      const anew = attempt(() => key.rewrap(value));
      if (anew === undefined) {
        // People can write what looks like it into their own texts.
        const name = `${place.table}.${place.column}`;
        rotated.unknown[name] = (rotated.unknown[name] ?? 0) + 1;
      } else if (anew === null) rotated.present++;
      else {
        await client.query(`UPDATE ${table} SET ${column} = $1 WHERE ${column} = $2`, [anew, value]);
        rotated.rewrapped++;
      }
    }
    const last = rows.at(-1);
    if (!last || rows.length < AT_ONCE) return;
    after = last.value;
  }
}

async function sealAnew(client: pg.Client, key: ServerKey, old: (typeof DIRECT)[number]): Promise<number> {
  const { table, column, purpose } = old;
  const { rows } = await client.query<{ id: string; value: string }>(
    `SELECT id, ${column} AS value FROM ${table} WHERE ${column} LIKE 'v1.%'`,
  );
  for (const { id, value } of rows) {
    const anew = key.seal(key.open(value, purpose(id)), purpose(id));
    await client.query(`UPDATE ${table} SET ${column} = $1 WHERE id = $2 AND ${column} = $3`, [anew, id, value]);
  }
  return rows.length;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
