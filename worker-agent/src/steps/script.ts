/** Runs a lifecycle script inside, with its output in the log and a time limit. */
import type { Clock } from '@easel/kit/clock';
import type { scriptSchema } from '@easel/schema/template';
import type { z } from 'zod';
import { followLines } from '../containers/lines.ts';
import type { Inside, InsideProcess } from '../inside/client.ts';
import { Failed } from './failed.ts';

export interface ScriptRun {
  /** Of the manifest: init, start or stop. */
  name: string;
  script: z.output<typeof scriptSchema>;
  inside: Inside;
  cwd: string;
  env: Readonly<Record<string, string>>;
  line: (text: string, stream: 'stdout' | 'stderr' | 'system') => void;
  clock: Clock;
  signal: AbortSignal;
  /** Less than the script's own limit where a stop is pressing. */
  limitMs?: number;
}

/** Output that comes after the script itself has ended, such as that of its background processes, is waited for so long. */
const drainMs = 300;
/** How long a script may take to end after SIGTERM. */
const termLimitMs = 2_000;

/** Resolves when the script has ended with 0. Throws `Failed` (script, timed_out), or the signal's reason. */
export async function runScript(run: ScriptRun): Promise<void> {
  const { name, clock, signal } = run;
  const limitMs = Math.min(run.limitMs ?? Number.POSITIVE_INFINITY, run.script.timeoutSeconds * 1000);
  signal.throwIfAborted();
  run.line(`Running the ${name} script.`, 'system');
  const child = await startShell(run);
  child.stdin.on('error', () => undefined);
  child.stdin.end();
  const outputs = Promise.all([
    followLines(child.stdout, (text) => run.line(text, 'stdout')),
    child.stderr && followLines(child.stderr, (text) => run.line(text, 'stderr')),
  ]);
  const cut = Promise.withResolvers<'late' | 'stopped'>();
  const timer = clock.setTimeout(() => cut.resolve('late'), limitMs);
  const onAbort = () => cut.resolve('stopped');
  // It may have aborted while the shell was starting.
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const end = await Promise.race([child.exit, cut.promise]);
    if (end === 'late') {
      child.signal('KILL');
      throw new Failed({
        class: 'timed_out',
        message: `The ${name} script has not ended within ${Math.round(limitMs / 1000)} seconds and was killed.`,
      });
    }
    if (end === 'stopped') {
      await endGently(child, clock);
      throw signal.reason;
    }
    await Promise.race([outputs, clock.sleep(drainMs)]);
    if (end.code !== 0) throw new Failed(endOf(name, end));
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  }
}

async function startShell(run: ScriptRun): Promise<InsideProcess> {
  try {
    return await run.inside.spawn({ argv: ['sh', '-c', run.script.run], cwd: run.cwd, env: { ...run.env } });
  } catch (cause) {
    const isMissing = (cause as { code?: string }).code === 'NOT_FOUND';
    const message = isMissing
      ? `The image has no shell (sh) to run the ${run.name} script with.`
      : `The ${run.name} script could not be started: ${(cause as Error).message}`;
    throw new Failed({ class: 'script', message }, cause);
  }
}

function endOf(name: string, end: { code: number | null; signal: string | null }) {
  if (end.signal === null) {
    return {
      class: 'script',
      message: `The ${name} script ended with exit code ${end.code}.`,
      exitCode: end.code,
    } as const;
  }
  const hint = /KILL$/.test(end.signal) ? ': it may have run out of memory' : '';
  return { class: 'script', message: `The ${name} script was ended by the signal ${end.signal}${hint}.` } as const;
}

async function endGently(child: InsideProcess, clock: Clock): Promise<void> {
  child.signal('TERM');
  const isOver = await Promise.race([child.exit.then(() => true), clock.sleep(termLimitMs).then(() => false)]);
  if (!isOver) child.signal('KILL');
}
