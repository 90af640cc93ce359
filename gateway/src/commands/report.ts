/** How a command that changes an environment ends. */
import type { Environment } from '../api/environments.ts';
import type { Context } from '../context.ts';
import type { Goal } from '../wait/settle.ts';
import type { Waited } from '../wait/wait.ts';
import { paintPhase } from './phase.ts';

const NEXT: Record<Goal, (name: string) => string> = {
  running: (name) => `\`easel ssh ${name}\` gets in`,
  stopped: (name) => `its disk is kept; \`easel start ${name}\` starts it again`,
  deleted: () => 'its disk is gone',
};

/** Prints the environment. Throws why the goal was not reached. */
export function report(context: Context, { environment, problem }: Waited, goal: Goal): void {
  const { out } = context;
  out.json(environment);
  if (problem) throw problem;
  out.line(
    `${out.paint('bold', environment.name)} is ${paintPhase(out, environment.phase)}; ${next(environment, goal)}`,
  );
}

function next({ name, phase }: Environment, goal: Goal): string {
  if (phase === goal) return NEXT[goal](name);
  return `\`easel show ${name}\` tells how far it is`;
}
