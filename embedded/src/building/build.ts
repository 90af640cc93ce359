/**
 * Makes what is older than its sources. The fingerprint of a step's inputs is written down after the step has succeeded, so
 * a build that was cut off, or failed, is done again.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartProblem } from '../problem.ts';
import type { Screen } from '../screen.ts';
import { fingerprint } from './fingerprint.ts';
import type { BuildStep } from './steps.ts';

/** In node_modules: a new installation is a reason to build anew. */
const recordFile = 'node_modules/.cache/easel/build.json';
/** What is shown of the output of a step that failed. */
const tailLines = 40;

/**
 * Runs the steps whose inputs have changed, side by side; the signal ends them. Throws StartProblem with the output of the
 * first that fails.
 */
export async function build(
  checkout: string,
  steps: readonly BuildStep[],
  screen: Screen,
  signal?: AbortSignal,
): Promise<void> {
  const path = join(checkout, recordFile);
  const record = readRecord(path);
  const due = steps
    .map((step) => ({ step, print: fingerprint(checkout, step.inputs) }))
    .filter(({ step, print }) => record[step.name] !== print || !isThere(checkout, step));
  if (due.length === 0) return;
  checkWritable(checkout);
  const outcomes = await Promise.allSettled(
    due.map(async ({ step, print }) => {
      await screen.step(`building ${step.name}`, () => runStep(checkout, step, signal));
      record[step.name] = print;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, JSON.stringify(record));
      renameSync(`${path}.new`, path);
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function runStep(checkout: string, step: BuildStep, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const folder = join(checkout, step.workspace);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    scripts?: Record<string, string>;
  };
  const command = manifest.scripts?.[step.script];
  if (!command)
    throw new StartProblem(`${step.workspace}/package.json has no script "${step.script}": the checkout is not whole.`);
  const programs = [join(folder, 'node_modules/.bin'), join(checkout, 'node_modules/.bin'), process.env.PATH];
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: folder,
    env: { ...process.env, PATH: programs.join(':'), CI: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that the shell's children end with it.
    detached: true,
  });
  const cut = () => void (child.pid && process.kill(-child.pid, 'SIGTERM'));
  signal?.addEventListener('abort', cut, { once: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const how = await new Promise<string>((resolve) => {
    child.on('error', (err) => resolve(err.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  signal?.removeEventListener('abort', cut);
  if (how === 'exit code 0' && isThere(checkout, step)) return;
  const tail = output.trimEnd().split('\n').slice(-tailLines).join('\n');
  throw new StartProblem(`building ${step.name} failed (${how}):\n${tail}`);
}

function isThere(checkout: string, step: BuildStep): boolean {
  return step.outputs.every((path) => existsSync(join(checkout, path)));
}

function checkWritable(checkout: string): void {
  try {
    accessSync(checkout, constants.W_OK);
  } catch (err) {
    throw new StartProblem(
      `cannot write to ${checkout}, where Easel is built: run "npm run build" once as a user who can.`,
      { cause: err },
    );
  }
}

function readRecord(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  } catch {
    // Not there, or cut off in the writing: everything is built.
    return {};
  }
}
