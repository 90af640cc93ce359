/** The step `hooks`: the init script once in the life of a volume, the start script at every start. */
import type { Clock } from '@easel/kit/clock';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { Inside } from '../inside/client.ts';
import type { Volume } from '../volume.ts';
import { Failed } from './failed.ts';
import type { Outcome, StepContext } from './runner.ts';
import { runScript, type ScriptRun } from './script.ts';

/** Runs what there is to run. Throws `Failed` (script, timed_out, disk_full). */
export async function runHooks(
  options: {
    scripts: Manifest['scripts'];
    volume: Volume;
    inside: Inside;
    cwd: string;
    env: Readonly<Record<string, string>>;
    clock: Clock;
  },
  context: StepContext,
): Promise<Outcome<void>> {
  const { scripts, volume, inside, cwd, env, clock } = options;
  const said: string[] = [];
  const run = async (name: string, script: ScriptRun['script']) => {
    context.progress(null, `Running the ${name} script.`);
    try {
      await runScript({ name, script, inside, cwd, env, line: context.line, clock, signal: context.signal });
    } catch (err) {
      if (!(err instanceof Failed) || err.failure.class !== 'script' || !volume.isFull()) throw err;
      const message = `${err.failure.message} The disk of the environment is full.`;
      throw new Failed({ class: 'disk_full', message, exitCode: err.failure.exitCode }, err);
    }
    said.push(`${name} script done`);
  };
  if (scripts.init && volume.read('init')) said.push('init script done at an earlier start');
  else if (scripts.init) {
    await run('init', scripts.init);
    await volume.write('init', { at: new Date(clock.now()).toISOString() });
  }
  if (scripts.start) await run('start', scripts.start);
  const text = said.join(', ');
  return { value: undefined, text: `${text.charAt(0).toUpperCase()}${text.slice(1)}.` };
}
