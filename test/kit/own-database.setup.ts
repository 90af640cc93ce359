/**
 * Gives each `*.db.test.ts` file a database of its own: empty, named by EASEL_TEST_DATABASE_URL while the file runs, and
 * dropped after it. Applying the migrations is the suite's own first step.
 */
import { afterAll, inject } from 'vitest';
import { createDatabase } from './postgres.ts';

const database = await createDatabase(inject('postgresUrl'));
process.env.EASEL_TEST_DATABASE_URL = database.url;

afterAll(() => database.drop());
