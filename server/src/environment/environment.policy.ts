import type { Actor } from '../actor.ts';

/** `enter`: SSH, ports, tickets. Sharing will be explicit; until then only the owner goes in, administrators neither. */
export type EnvironmentVerb = 'read' | 'operate' | 'enter';

/** What the owner may do, and what an administrator may do with everybody's: see, stop and remove, but not go in. */
export function mayOnEnvironment(actor: Actor, verb: EnvironmentVerb, environment: { ownerId: string }): boolean {
  if (actor.kind !== 'user') return false;
  if (actor.userId === environment.ownerId) return true;
  return actor.isAdministrator && verb !== 'enter';
}
