/** start, stop, delete. */

import {
  deleteEnvironmentMutation,
  type Environment,
  startEnvironmentMutation,
  stopEnvironmentMutation,
} from '../api/environments.ts';
import type { Operation } from '../api/operation.ts';
import type { Context } from '../context.ts';
import type { Goal } from '../wait/settle.ts';
import { type WaitOptions, waitFor } from '../wait/wait.ts';
import { findEnvironment } from './find.ts';
import { report } from './report.ts';

export function start(context: Context, name: string, options: WaitOptions): Promise<void> {
  return change(context, name, { operation: startEnvironmentMutation, goal: 'running', options });
}

export function stop(context: Context, name: string, options: WaitOptions): Promise<void> {
  return change(context, name, { operation: stopEnvironmentMutation, goal: 'stopped', options });
}

/** Refused, with what would be lost, when there is unsaved work and no `--force`. */
export function remove(context: Context, name: string, options: WaitOptions & { force?: true }): Promise<void> {
  const variables = { force: options.force ?? false };
  return change(context, name, { operation: deleteEnvironmentMutation, goal: 'deleted', options, variables });
}

async function change(
  context: Context,
  name: string,
  {
    operation,
    goal,
    options,
    variables = {},
  }: { operation: Operation<Environment>; goal: Goal; options: WaitOptions; variables?: Record<string, unknown> },
): Promise<void> {
  const api = await context.api();
  const { id } = await findEnvironment(api, name);
  const environment = await api.ask(operation, { id, ...variables }, { isRepeatable: goal !== 'deleted' });
  report(context, await waitFor(context, { api, environment, goal, options }), goal);
}
