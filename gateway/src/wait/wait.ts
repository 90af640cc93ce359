/** `--wait`: follows, shows, and judges the end. */
import type { Api } from '../api/api.ts';
import type { Environment } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../failure.ts';
import { Interrupted } from '../io.ts';
import { follow } from './follow.ts';
import { createProgress } from './progress.ts';
import type { Goal } from './settle.ts';

export interface WaitOptions {
  readonly wait?: true;
  /** Seconds. */
  readonly timeout?: number;
}

export interface Waited {
  readonly environment: Environment;
  /** Why the goal was not reached. */
  readonly problem: CommandError | null;
}

/** Waits for the goal when `--wait` was given; else gives the environment back as it is. */
export async function waitFor(
  context: Context,
  { api, environment, goal, options }: { api: Api; environment: Environment; goal: Goal; options: WaitOptions },
): Promise<Waited> {
  if (!options.wait) return { environment, problem: null };
  const { io, out } = context;
  const progress = createProgress(out, io.stderr);
  let wasCut = false;
  let newest = environment;
  try {
    const followed = await follow(api, environment, {
      goal,
      signal: io.signal,
      timeoutSeconds: options.timeout,
      onChange: (changed) => {
        wasCut = false;
        newest = changed;
        progress.show(changed);
      },
      onTrouble: () => {
        if (!wasCut) progress.note('the connection to Easel is lost, dialling again');
        wasCut = true;
      },
    });
    progress.end();
    return { environment: followed.environment, problem: problemOf(followed, goal) };
  } catch (err) {
    progress.end();
    if (err instanceof Interrupted)
      out.note(
        `${newest.name} is ${newest.phase} and goes on without you; \`easel show ${newest.name}\` tells how far it is`,
      );
    throw err;
  }
}

function problemOf(
  { environment, verdict }: { environment: Environment; verdict: 'done' | 'failed' | 'overtaken' },
  goal: Goal,
): CommandError | null {
  if (verdict === 'done') return null;
  const { name, phase, desired, failure } = environment;
  if (verdict === 'failed' && failure) {
    const { class: failureClass, message, advice, step, exitCode } = failure;
    const where = step === null ? '' : ` in the step ${step}`;
    return new CommandError('ENVIRONMENT_FAILED', `${name} failed${where} (${failureClass}): ${message}\n${advice}`, {
      class: failureClass,
      step,
      exitCode,
      advice,
    });
  }
  const wish = desired === goal ? '' : `; someone wants it ${desired} meanwhile`;
  return new CommandError(
    verdict === 'failed' ? 'ENVIRONMENT_FAILED' : 'OVERTAKEN',
    `${name} is ${phase}, not ${goal}${wish}`,
  );
}
