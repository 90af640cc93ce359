import { randomUUID } from 'node:crypto';
import { nameSchema } from '@easel/schema/names';
import type { Api } from '../api/api.ts';
import { createEnvironmentMutation } from '../api/environments.ts';
import { templatesQuery } from '../api/templates.ts';
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
  const source =
    options.git === undefined ? { template: options.template ?? (await onlyTemplate(api)) } : { gitUrl: options.git };
  const input = {
    name,
    ...source,
    branch: options.branch,
    image: options.image,
    requestKey: options.requestKey ?? randomUUID(),
  };
  const environment = await api.ask(createEnvironmentMutation, { input }, { isRepeatable: true });
  report(context, await waitFor(context, { api, environment, goal: 'running', options }), 'running');
}

/** Which template is meant when none was named: there is no doubt when there is only one. */
async function onlyTemplate(api: Api): Promise<string> {
  const { items } = await api.ask(templatesQuery, { first: 20, after: null });
  const [first, ...others] = items;
  if (!first) throw badUsage('say what to create it from: --git URL (there is no template yet)');
  if (others.length > 0)
    throw badUsage(`say what to create it from: --git URL, or --template ${items.map(({ name }) => name).join(' | ')}`);
  return first.name;
}
