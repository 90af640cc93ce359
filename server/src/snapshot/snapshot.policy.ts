import type { Actor } from '../actor.ts';

/** `restore` gives what is inside, so it is the owner's alone; administrators see and remove, as they do with environments. */
export function mayOnSnapshot(
  actor: Actor,
  verb: 'read' | 'restore' | 'remove',
  snapshot: { ownerId: string },
): boolean {
  if (actor.kind !== 'user') return false;
  if (actor.userId === snapshot.ownerId) return true;
  return actor.isAdministrator && verb !== 'restore';
}
