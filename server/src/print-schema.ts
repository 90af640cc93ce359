/** Prints the public API: `npm run print-schema -w @easel/server` writes it over `schema/api/schema.graphql`. */
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from './api/schema.ts';

const header = '# Printed by `npm run print-schema -w @easel/server`; do not edit.\n';
process.stdout.write(`${header}${printSchema(lexicographicSortSchema(schema))}\n`);
