import { randomUUID } from 'node:crypto';
import { nameSchema } from '@easel/schema/names';
import { createEnvironmentMutation } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { badUsage } from '../failure.ts';
import { type WaitOptions, waitFor } from '../wait/wait.ts';
import { report } from './report.ts';

interface CreateOptions extends WaitOptions {
  readonly template?: string;
  readonly git?: string;
  readonly branch?: string;
  readonly image?: string;
  readonly requestKey?: string;
}

/** The request key makes it safe to ask again when an answer was lost. */
export async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const named = nameSchema.safeParse(name);
  if (!named.success) throw badUsage(`${JSON.stringify(name)} is no name: ${named.error.issues[0]?.message}`);
  const api = await context.api();
  const input = {
    name,
    template: options.template,
    gitUrl: options.git,
    branch: options.branch,
    image: options.image,
    requestKey: options.requestKey ?? randomUUID(),
  };
  const environment = await api.ask(createEnvironmentMutation, { input }, { isRepeatable: true });
  report(context, await waitFor(context, { api, environment, goal: 'running', options }), 'running');
}
