/** Prints the public API over `schema/api/schema.graphql`; with `--check`, only says whether that file is up to date. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from './api/schema.ts';

const file = fileURLToPath(new URL('api/schema.graphql', import.meta.resolve('@easel/schema/package.json')));
const header = '# Printed by `npm run print-schema -w @easel/server`; do not edit.\n';
const text = `${header}${printSchema(lexicographicSortSchema(schema))}\n`;

if (process.argv.includes('--check')) {
  const isCurrent = (await readFile(file, 'utf8').catch(() => '')) === text;
  if (!isCurrent)
    process.stderr.write('schema/api/schema.graphql is out of date: npm run print-schema -w @easel/server\n');
  process.exitCode = isCurrent ? 0 : 1;
} else {
  await writeFile(file, text);
}
