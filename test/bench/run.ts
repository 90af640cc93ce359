/**
 * `npm run bench -- NAME [--json] [--quick] [--rounds N] [--only TEXT]`. A benchmark is a module of this folder that exports
 * `bench`; what it needs beside lies in a folder of its name.
 */
import { readdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, BenchContext, Row } from './harness.ts';

const defaultRounds = 5;
const usage = 'usage: npm run bench -- NAME [--json] [--quick] [--rounds N] [--only TEXT]';

function names(): string[] {
  return readdirSync(new URL('.', import.meta.url))
    .filter((file) => /^[a-z-]+\.ts$/.test(file) && file !== 'run.ts' && file !== 'harness.ts')
    .map((file) => file.slice(0, -3))
    .sort();
}

async function load(name: string): Promise<Bench> {
  const { bench } = (await import(`./${name}.ts`)) as { bench: Bench };
  return bench;
}

async function list(): Promise<string> {
  const lines = await Promise.all(names().map(async (name) => `  ${name.padEnd(12)}${(await load(name)).title}`));
  return [usage, '', ...lines, ''].join('\n');
}

function heading(): string {
  return line(['row', 'ours', 'peer', 'unit', 'ratio', 'goal', '']);
}

function line(cells: (string | number)[]): string {
  const widths = [44, 10, 24, 16, 8, 16, 4];
  return cells
    .map((cell, i) => String(cell).padEnd(widths[i] ?? 0))
    .join(' ')
    .trimEnd();
}

function shown(row: Row): string {
  const peer = row.peer === null ? '–' : `${row.peer} ${row.peerName ?? ''}`;
  return line([row.row, row.ours, peer, row.unit, row.ratio ?? '–', row.goal, row.met ? 'met' : 'NOT MET']);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [name, ...rest] = positionals;
  if (name === undefined || values.help) {
    process.stdout.write(await list());
    return 0;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : defaultRounds));
  if (!names().includes(name) || rest.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write(`${names().includes(name) ? usage : `no benchmark is called "${name}"\n${await list()}`}\n`);
    return 2;
  }
  const ctx: BenchContext = {
    quick: values.quick,
    rounds,
    wants: (row) => values.only === undefined || row.includes(values.only),
    note: (text) => void process.stderr.write(`${name}: ${text}\n`),
    report: (row) => {
      const full: Row = { bench: name, ...row };
      process.stdout.write(`${values.json ? JSON.stringify(full) : shown(full)}\n`);
    },
  };
  ctx.note(`Node.js ${process.version}, ${rounds} rounds, load average ${loadavg()[0]?.toFixed(1)}`);
  if (!values.json) process.stdout.write(`${heading()}\n`);
  await (await load(name)).run(ctx);
  return 0;
}

try {
  process.exitCode = await main();
} catch (err) {
  process.stderr.write(`${err instanceof Error ? (err.stack ?? err.message) : String(err)}\n`);
  process.exitCode = 1;
}
