/**
 * `npm run check [-- name…]`: everything about the sources that can be told without running the product. All checks run,
 * one line each, even when one fails; the last line is plain: `N passed, N failed`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';
import { root, run, runTool } from './kit/command.ts';
import { generate, generateIfStale, readGenerated } from './kit/generated.ts';
import { createDatabase, startPostgres } from './kit/postgres.ts';

/** Resolves when all is well; throws what a person must know. */
type Check = () => Promise<void>;

const sdlFile = 'schema/api/schema.graphql';

async function succeed(outcome: Promise<{ code: number; output: string }>): Promise<void> {
  const { code, output } = await outcome;
  if (code !== 0) throw new Error(output.trim() || `ended with code ${code}`);
}

const checks: Record<string, Check> = {
  generated: async () => {
    const before = readGenerated();
    await generate();
    const after = readGenerated();
    const stale = [...after].filter(([file, text]) => before.has(file) && before.get(file) !== text);
    if (stale.length > 0) {
      throw new Error(`was stale, is fresh now:\n${stale.map(([file]) => file.replace(root, '')).join('\n')}`);
    }
  },

  types: () => succeed(runTool('tsc', ['-p', 'tsconfig.json', '--pretty', 'false'])),

  'web types': async () => {
    if (!['ts', 'js'].some((ending) => existsSync(join(root, `web/vite.config.${ending}`)))) return;
    await succeed(run('npm', ['run', 'check', '-w', '@easel/web']));
  },

  biome: () => succeed(runTool('biome', ['ci', '--colors=off'])),

  house: () => succeed(runTool('vitest', ['run', '--project', 'house', '--reporter=dot'])),

  'dead code': () => succeed(runTool('knip', ['--no-progress', '--no-config-hints'])),

  'api drift': async () => {
    const printed = await run(process.execPath, ['server/src/print-schema.ts']);
    if (printed.code !== 0) throw new Error(printed.output);
    if (printed.stdout.trim() === readFileSync(join(root, sdlFile), 'utf8').trim()) return;
    throw new Error(`${sdlFile} is not what the server serves; node server/src/print-schema.ts > ${sdlFile}`);
  },

  'api breaking changes': async () => {
    const committed = await run('git', ['show', `HEAD:${sdlFile}`]);
    if (committed.code !== 0) throw new Error(committed.output);
    const changes = await diff(buildSchema(committed.stdout), buildSchema(readFileSync(join(root, sdlFile), 'utf8')));
    const breaking = changes.filter((change) => change.criticality.level === CriticalityLevel.Breaking);
    if (breaking.length > 0) throw new Error(breaking.map((change) => change.message).join('\n'));
  },

  'migration drift': async () => {
    const postgres = await startPostgres();
    try {
      const database = await createDatabase(postgres.url);
      const env = { EASEL_DATABASE_URL: database.url, DATABASE_URL: database.url };
      await succeed(run('npm', ['run', 'drift', '-w', '@easel/schema'], { env })).finally(database.drop);
    } finally {
      await postgres.stop();
    }
  },
};

async function runCheck(name: string, check: Check): Promise<boolean> {
  const startedMs = performance.now();
  const seconds = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  try {
    await check();
    console.log(`ok      ${name} (${seconds()})`);
    return true;
  } catch (err) {
    console.log(`FAILED  ${name} (${seconds()})`);
    console.log((err as Error).message.replace(/^/gm, '        '));
    return false;
  }
}

const chosen = process.argv.slice(2);
for (const name of chosen.filter((name) => !Object.hasOwn(checks, name))) {
  throw new Error(`no check is called ${name}; there are: ${Object.keys(checks).join(', ')}`);
}
// The checks below need the database client; what is wrong with it the first of them tells.
await generateIfStale().catch(() => undefined);
const outcomes: boolean[] = [];
for (const [name, check] of Object.entries(checks)) {
  if (chosen.length === 0 || chosen.includes(name)) outcomes.push(await runCheck(name, check));
}
const passed = outcomes.filter(Boolean).length;
console.log(`\n${passed} passed, ${outcomes.length - passed} failed`);
process.exitCode = passed === outcomes.length ? 0 : 1;
