import type { Actor } from '../actor.ts';

/** Instance types are read by everybody who is signed in, and changed by administrators. */
export function mayOnInstanceType(actor: Actor, verb: 'read' | 'change'): boolean {
  if (actor.kind !== 'user') return false;
  return verb === 'read' || actor.isAdministrator;
}
