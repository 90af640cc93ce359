/** What a stored event of an environment means to those who listen; null for what is only a step on the way. Pure. */
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { Happened, WebhookEvent } from './events.ts';

type NewsEvent = Awaited<ReturnType<EnvironmentService['takeNews']>>[number];
type EnvironmentEvent = Extract<WebhookEvent, `environment.${string}`>;

export function environmentHappened({ id, at, from, to, cause, environment }: NewsEvent): Happened | null {
  const type = typeOf({ from, to, cause });
  if (!type) return null;
  const { name, owner, template, platform } = environment;
  // The phase that it has come to by this event: meanwhile it may have gone on.
  const data = { environment: { id: environment.id, name, phase: to, owner, template, platform } };
  return { type, at, data, key: id };
}

function typeOf({ from, to, cause }: { from: string | null; to: string; cause: string }): EnvironmentEvent | null {
  if (from === null) return 'environment.created';
  if (from === to) return null;
  if (to === 'running') return cause === 'workerReady' ? 'environment.started' : null;
  if (to === 'stopped' || to === 'failed' || to === 'deleted') return `environment.${to}`;
  return null;
}
