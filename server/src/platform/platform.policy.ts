import type { Actor } from '../actor.ts';

/** Platforms are seen by everybody who is signed in; their settings and what they lack, by administrators and themselves. */
export function mayOnPlatform(actor: Actor, verb: 'read' | 'inspect' | 'change', platform: { id: string }): boolean {
  if (actor.kind === 'platform') return verb !== 'change' && actor.platformId === platform.id;
  if (actor.kind !== 'user') return false;
  return verb === 'read' || actor.isAdministrator;
}
