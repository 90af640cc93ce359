import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { z } from 'zod';

/** A value that must not be shown. It prints `[secret]` wherever it is turned into text; `reveal()` gives the value. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/** A zod schema for a secret: a string that is not empty, given as a `Secret`. */
export function secret() {
  return z
    .string()
    .min(1)
    .transform((value) => new Secret(value));
}

/** Everything that is wrong with the configuration, one line each. The values themselves are never repeated. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** The environment variables of a process. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Parses the environment by a zod object (or a union or transformation of objects) whose keys are variable names.
 * `NAME_FILE` names a file to take `NAME` from (trimmed); an empty variable counts as absent, as compose files write it.
 * Throws `ConfigError` with all problems at once.
 */
export function readConfig<S extends z.ZodType>(schema: S, env: Env = process.env): z.output<S> {
  const problems: string[] = [];
  const values: Record<string, string> = {};
  for (const name of variablesOf(schema)) {
    try {
      const value = readVariable(name, env);
      if (value !== undefined) values[name] = value;
    } catch (err) {
      problems.push((err as Error).message);
    }
  }
  const parsed = schema.safeParse(values);
  if (parsed.success && problems.length === 0) return parsed.data;
  for (const issue of parsed.error?.issues ?? []) {
    const name = issue.path.join('.');
    if (problems.some((problem) => problem.startsWith(`${name}_FILE:`) || problem.startsWith(`${name}:`))) continue;
    problems.push(name ? `${name}: ${describe(issue, values[name])}` : issue.message);
  }
  throw new ConfigError(problems);
}

function readVariable(name: string, env: Env): string | undefined {
  const file = env[`${name}_FILE`];
  if (!file) return env[name] || undefined;
  if (env[name]) throw new Error(`${name}: set either ${name} or ${name}_FILE, not both`);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (err) {
    throw new Error(`${name}_FILE: cannot read ${file} (${(err as NodeJS.ErrnoException).code})`, { cause: err });
  }
}

function describe(issue: z.core.$ZodIssue, value: string | undefined): string {
  return value === undefined && issue.code === 'invalid_type' ? 'is required' : issue.message;
}

function variablesOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodUnion) return [...new Set(schema.options.flatMap((option) => variablesOf(option)))];
  if (schema instanceof z.ZodIntersection) return [...variablesOf(schema.def.left), ...variablesOf(schema.def.right)];
  if (schema instanceof z.ZodPipe) return variablesOf(schema.def.in);
  throw new TypeError('a configuration schema is a zod object, or a union, intersection or transformation of objects');
}
