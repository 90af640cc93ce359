/** Files that say what something is to be. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { badUsage } from '../failure.ts';
import { type Io, readAll } from '../io.ts';

/** The API takes no larger documents. */
const MAX_FILE_BYTES = 1_048_576;
const MAX_PROBLEMS = 10;

/** YAML, of which JSON is a part; as it was written. Throws INVALID_INPUT with all that is wrong. */
export async function readSpec<S extends z.ZodType>(
  path: string,
  { stdin }: Io,
  expected: { schema: S; what: string; prepare?: (value: unknown) => unknown },
): Promise<z.input<S>> {
  const { schema, what, prepare = (value: unknown) => value } = expected;
  let value: unknown;
  try {
    const text = path === '-' ? await readAll(stdin, MAX_FILE_BYTES) : await readFile(path, 'utf8');
    const { parse } = await import('yaml');
    value = prepare(parse(text, { maxAliasCount: 100 }));
  } catch (err) {
    throw badUsage(`cannot read ${what} from ${path}: ${(err as Error).message.split('\n', 1)[0]}`, err);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return value as z.input<S>;
  const problems = parsed.error.issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path: where, message }) => `  ${where.join('.') || 'the file'}: ${message}`);
  throw badUsage(`${path} is no ${what.replace(/^an? /, '')}:\n${problems.join('\n')}`);
}
