/** Every document that the command sends, held against the schema that the server prints. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import * as account from './account.ts';
import * as audit from './audit.ts';
import * as environments from './environments.ts';
import * as instanceTypes from './instance-types.ts';
import * as namespaces from './namespaces.ts';
import type { Operation } from './operation.ts';
import * as people from './people.ts';
import * as platforms from './platforms.ts';
import * as shares from './shares.ts';
import * as snapshots from './snapshots.ts';
import * as templates from './templates.ts';
import * as tokens from './tokens.ts';
import * as webhooks from './webhooks.ts';

const file = fileURLToPath(new URL('api/schema.graphql', import.meta.resolve('@easel/schema/package.json')));
const schema = buildSchema(readFileSync(file, 'utf8'));
const operations = Object.entries({
  ...account,
  ...environments,
  ...instanceTypes,
  ...namespaces,
  ...people,
  ...platforms,
  ...shares,
  ...snapshots,
  ...templates,
  ...webhooks,
  ...tokens,
  ...audit,
}) as [string, Operation<unknown>][];

it.each(operations)('%s is valid', (_name, { document }) => {
  expect(validate(schema, parse(document)).map(({ message }) => message)).toEqual([]);
});
