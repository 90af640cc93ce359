import type { Actor } from '../actor.ts';

/**
 * That there is a platform, everybody who is signed in sees; its settings and what it lacks, administrators and the platform
 * itself (`inspect`); and administrators change it.
 */
export function mayOnPlatform(actor: Actor, verb: 'inspect' | 'change', platform: { id: string }): boolean {
  if (actor.kind === 'platform') return verb === 'inspect' && actor.platformId === platform.id;
  return actor.kind === 'user' && actor.isAdministrator;
}
