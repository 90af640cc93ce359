/**
 * Who may do what: the one place. API, subscriptions, tickets and SSH all ask here, with the actor as he is now.
 *
 * Each act has a rule: what it takes with a thing of one's own, and what it takes with anybody else's. Entering somebody
 * else's environment, and restoring somebody else's snapshot, is not for administrators either: what is inside is its
 * owner's.
 */
import { type Actor, asUser, forbidden } from '../actor.ts';
import { holds, lacking, type Rights } from './rights.ts';
import type { Permission } from './roles.ts';

/** `true` takes nothing, `null` is never allowed. */
interface Rule {
  /** With a thing that the actor owns. Left out where things have no owner. */
  own?: Permission | true;
  others: Permission | true | null;
  /** A computing platform may do this with itself. */
  platformItself?: true;
}

const RULES = {
  'environment.create': { others: 'environment.use' },
  'environment.read': { own: true, others: 'environment.view' },
  'environment.start': { own: 'environment.use', others: 'environment.manage' },
  /** Stop, delete, let grow. */
  'environment.operate': { own: true, others: 'environment.manage' },
  /** SSH, ports, tickets, a snapshot of what is inside. */
  'environment.enter': { own: 'environment.use', others: null },
  'snapshot.read': { own: true, others: 'environment.view' },
  'snapshot.remove': { own: true, others: 'environment.manage' },
  'snapshot.restore': { own: true, others: null },
  'template.read': { others: 'template.view' },
  'template.change': { others: 'template.edit' },
  'instanceType.change': { others: 'instanceType.edit' },
  'platform.inspect': { others: 'platform.inspect', platformItself: true },
  'platform.change': { others: 'platform.edit' },
  'user.read': { own: true, others: 'user.view' },
  'user.change': { others: 'user.edit' },
  'group.read': { others: 'user.view' },
  'group.change': { others: 'user.edit' },
  'audit.read': { others: 'audit.view' },
  /** Whether mail works, and which mails did not go out; a test mail. */
  'mail.inspect': { others: 'outbound.edit' },
  'apiToken.revoke': { own: true, others: 'user.edit' },
} as const satisfies Record<string, Rule>;
export type Act = keyof typeof RULES;

/** What the act is done with, as far as the rules ask. */
export interface Thing {
  ownerId?: string;
  /** Null and left out: it belongs to the whole installation. */
  namespaceId?: string | null;
  /** Of a computing platform itself. */
  platformId?: string;
}

export function may(actor: Actor, act: Act, thing: Thing = {}): boolean {
  const rule: Rule = RULES[act];
  if (actor.kind === 'anonymous') return false;
  if (actor.kind === 'platform') return rule.platformItself === true && actor.platformId === thing.platformId;
  const namespaceId = thing.namespaceId ?? null;
  const allows = (needed: Permission | true | null) =>
    needed === true || (needed !== null && holds(actor.rights, needed, namespaceId));
  const isOwn = rule.own !== undefined && thing.ownerId === actor.userId;
  return (isOwn && rule.own !== undefined && allows(rule.own)) || allows(rule.others);
}

/** Gives true, or throws UNAUTHENTICATED for nobody, and FORBIDDEN with the permission that is missing. */
export function mustMay(actor: Actor, act: Act, thing: Thing = {}): true {
  if (may(actor, act, thing)) return true;
  asUser(actor);
  const { own, others }: Rule = RULES[act];
  const needed = [own, others].find((rule) => typeof rule === 'string');
  const message = `this takes the permission "${needed}", which your roles do not give you: ask an administrator`;
  throw forbidden(message, { permission: needed });
}

/** Throws FORBIDDEN when these rights are more than the actor's own: nobody gives, or takes over, what he does not hold. */
export function mustHold(actor: Actor, rights: Rights, what: string): void {
  const missing = lacking(asUser(actor).rights, rights);
  if (missing.length === 0) return;
  throw forbidden(`${what} takes permissions that you do not hold yourself: ${missing.join(', ')}`);
}
