import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './command.ts';

const folder = join(root, 'server/src/generated');
const source = join(root, 'schema/database/schema.prisma');

/** Generates the database client when there is none, or when it is older than the schema. */
export async function generateIfStale(): Promise<void> {
  const files = filesOf(folder);
  const oldestMs = Math.min(...files.map((file) => statSync(file).mtimeMs));
  if (files.length > 0 && oldestMs >= statSync(source).mtimeMs) return;
  await generate();
}

/** Generates; throws what the generator printed when it fails. */
export async function generate(): Promise<void> {
  const { code, output } = await run('npm', ['run', 'generate', '-w', '@easel/server']);
  if (code !== 0) throw new Error(`npm run generate -w @easel/server failed:\n${output}`);
}

/** The generated files with their text, to compare before and after. */
export function readGenerated(): Map<string, string> {
  return new Map(filesOf(folder).map((file) => [file, readFileSync(file, 'utf8')]));
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
