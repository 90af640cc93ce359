import { randomUUID } from 'node:crypto';
import { isId } from '@easel/schema/ids';
import { nameSchema } from '@easel/schema/names';
import type { Api } from '../api/api.ts';
import { createEnvironmentMutation } from '../api/environments.ts';
import { snapshotsQuery } from '../api/snapshots.ts';
import type { Context } from '../context.ts';
import { badUsage } from '../failure.ts';
import { type WaitOptions, waitFor } from '../wait/wait.ts';
import { pick } from './find.ts';
import { report } from './report.ts';

interface CreateOptions extends WaitOptions {
  readonly template?: string;
  readonly namespace?: string;
  readonly git?: string;
  readonly branch?: string;
  readonly image?: string;
  readonly instanceType?: string;
  readonly platform?: string;
  readonly snapshot?: string;
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
    namespace: options.namespace,
    gitUrl: options.git,
    branch: options.branch,
    image: options.image,
    instanceType: options.instanceType,
    platform: options.platform,
    snapshot: options.snapshot && (await snapshotId(api, options.snapshot)),
    requestKey: options.requestKey ?? randomUUID(),
  };
  const environment = await api.ask(createEnvironmentMutation, { input }, { isRepeatable: true });
  report(context, await waitFor(context, { api, environment, goal: 'running', options }), 'running');
}

/** The API knows snapshots by their id; people by their name too. */
async function snapshotId(api: Api, which: string): Promise<string> {
  if (isId('snapshot', which)) return which;
  return pick(await api.all(snapshotsQuery), which, 'snapshot').id;
}
