/** What is shared with the caller of the environments of one execution: asked for once, however many fields want to know. */
import { createContextCache } from '@pothos/core';
import DataLoader from 'dataloader';
import type { RequestContext } from '../context.ts';
import { type Act, may } from '../rights/may.ts';
import type { SharedAccess } from '../rights/shared-access.ts';

interface Owned {
  id: string;
  ownerId: string;
  namespaceId: string;
}

const loaderOf = createContextCache(
  ({ actor, services }: RequestContext) =>
    new DataLoader<string, SharedAccess[]>(async (ids) => {
      const found = actor.kind === 'user' ? await services.shared.accessOf(actor.userId, ids) : new Map();
      return ids.map((id) => found.get(id) ?? []);
    }),
);

export async function sharesWithCaller(context: RequestContext, environmentId: string): Promise<SharedAccess[]> {
  return loaderOf(context).load(environmentId);
}

/** `may`, with what is shared with the caller; that is looked for only when it matters. */
export async function mayOf(
  context: RequestContext,
  act: Act,
  { id, ownerId, namespaceId, ...more }: Owned & { port?: number },
): Promise<boolean> {
  const thing = { ownerId, namespaceId, ...more };
  if (may(context.actor, act, thing)) return true;
  return may(context.actor, act, { ...thing, shares: await sharesWithCaller(context, id) });
}
