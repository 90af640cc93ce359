/**
 * `npm run drift`: do the migrations make exactly what `schema.prisma` says, and is the generated client made from it? Exit
 * code 0 when both hold; otherwise it prints what differs and exits with 1. Needs the PostgreSQL that EASEL_DATABASE_URL
 * names, and creates a shadow database beside that one.
 */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Prisma's exit code of `migrate diff --exit-code` for "there is a difference". */
const exitDifferent = 2;

async function migrationDrift(databaseUrl: string): Promise<string | null> {
  const args = ['migrate', 'diff', '--config', here('./prisma.config.ts'), '--exit-code'];
  args.push('--from-migrations', here('./migrations'), '--to-schema', here('./schema.prisma'));
  const { code, output } = await run('prisma', args, { EASEL_DATABASE_URL: databaseUrl });
  if (code === 0) return null;
  const advice = 'make a migration: npm run migration -w @easel/schema -- --name what_changes';
  return code === exitDifferent ? `the migrations do not make what schema.prisma says; ${advice}\n${output}` : output;
}

/** The generated client carries the schema that it was made from, formatted by Prisma. */
async function clientDrift(): Promise<string | null> {
  const advice = 'run: npm run generate -w @easel/server';
  const folder = here('../../server/src/generated/prisma/internal');
  const files = await readdir(folder).catch((): string[] => []);
  if (!files.includes('class.ts')) return `there is no generated Prisma client; ${advice}`;
  const inlined = /"inlineSchema":\s*("(?:[^"\\]|\\.)*")/.exec(await readFile(`${folder}/class.ts`, 'utf8'))?.[1];
  const schema = await readFile(here('./schema.prisma'), 'utf8');
  return inlined !== undefined && squeeze(JSON.parse(inlined)) === squeeze(schema)
    ? null
    : `the Prisma client is out of date; ${advice}`;
}

/** Without the white space that formatting changes. */
function squeeze(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function run(command: string, args: string[], env: Record<string, string>) {
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

const databaseUrl = process.env.EASEL_DATABASE_URL;
if (!databaseUrl) throw new Error('EASEL_DATABASE_URL is required: any database of a server that may create others');
const problems = [await migrationDrift(databaseUrl), await clientDrift()].filter((problem) => problem !== null);
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length === 0) process.stdout.write('migrations, schema.prisma and the generated client agree\n');
process.exitCode = problems.length === 0 ? 0 : 1;
