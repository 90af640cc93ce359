import pg from 'pg';
import { expect, it } from 'vitest';

it('gives each suite an empty database of its own', async () => {
  const client = new pg.Client({ connectionString: process.env.EASEL_TEST_DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT current_database() AS name, lower('ÄÖ') AS folded");
    expect(rows[0].name).toMatch(/^easel_test_/);
    expect(rows[0].folded).toBe('äö');
    const tables = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'");
    expect(tables.rowCount).toBe(0);
  } finally {
    await client.end();
  }
});
