/**
 * Who may do what: the one place. API, subscriptions, tickets and SSH all ask here, with the actor as he is now.
 *
 * Each act has a rule: what it takes with a thing of one's own, and what it takes with anybody else's. Entering somebody
 * else's environment, and restoring somebody else's snapshot, is not for administrators either: what is inside is its
 * owner's, and only he lets somebody in, by a share.
 */
import type { ShareAccess } from '@easel/schema/share';
import { type Actor, asUser, forbidden } from '../actor.ts';
import { holds, lacking, type Rights } from './rights.ts';
import type { Permission } from './roles.ts';
import { type SharedAccess, shareThatAllows } from './shared-access.ts';

/** `true` takes nothing, `null` is never allowed. */
export interface Rule {
  /** With a thing that the actor owns. Left out where things have no owner. */
  own?: Permission | true;
  others: Permission | true | null;
  /** With a thing of which this much is shared with the actor, whatever his roles. */
  shared?: ShareAccess;
  /** A computing platform may do this with itself. */
  platformItself?: true;
}

const RULES = {
  'environment.create': { others: 'environment.use' },
  /** That it is there, and how it does. */
  'environment.read': { own: true, others: 'environment.view', shared: 'view' },
  /** What is said of its inside: the log, its git status, who is in. Scripts print what they know, secrets too. */
  'environment.inspect': { own: true, others: 'environment.view' },
  'environment.start': { own: 'environment.use', others: 'environment.manage' },
  /** Stop, delete, let grow. */
  'environment.operate': { own: true, others: 'environment.manage' },
  /** By SSH. */
  'environment.enter': { own: 'environment.use', others: null, shared: 'ssh' },
  /** One of its ports. */
  'environment.reach': { own: 'environment.use', others: null, shared: 'ports' },
  /** What is inside, as a whole. */
  'environment.snapshot': { own: 'environment.use', others: null },
  'environment.share': { own: 'environment.use', others: null },
  /** To end what was shared is for whoever may stop it, too. */
  'environment.unshare': { own: true, others: 'environment.manage' },
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
  'role.read': { others: 'user.view' },
  'role.change': { others: 'user.edit' },
  'account.unlink': { own: true, others: 'user.edit' },
  'audit.read': { others: 'audit.view' },
  /** Whether mail works, and which mails did not go out; a test mail. */
  'mail.inspect': { others: 'outbound.edit' },
  'apiToken.revoke': { own: true, others: 'user.edit' },
} as const satisfies Record<string, Rule>;
export type Act = keyof typeof RULES;
export const ACTS = Object.keys(RULES) as Act[];

/** What the act takes, for whoever explains a decision. */
export function ruleOf(act: Act): Readonly<Rule> {
  return RULES[act];
}

/** What the act is done with, as far as the rules ask. */
export interface Thing {
  ownerId?: string;
  /** Null and left out: it belongs to the whole installation. */
  namespaceId?: string | null;
  /** Of a computing platform itself. */
  platformId?: string;
  /** What of it is shared with the actor, where that was asked for. */
  shares?: readonly SharedAccess[];
  /** Which port of it. */
  port?: number;
}

export function may(actor: Actor, act: Act, thing: Thing = {}): boolean {
  const rule: Rule = RULES[act];
  if (actor.kind === 'anonymous') return false;
  if (actor.kind === 'platform') return rule.platformItself === true && actor.platformId === thing.platformId;
  const namespaceId = thing.namespaceId ?? null;
  const allows = (needed: Permission | true | null) =>
    needed === true || (needed !== null && holds(actor.rights, needed, namespaceId));
  const isOwn = rule.own !== undefined && thing.ownerId === actor.userId;
  if ((isOwn && rule.own !== undefined && allows(rule.own)) || allows(rule.others)) return true;
  return shareFor(actor, act, thing) !== null;
}

/** The share by which the actor may do it, besides what is his own or in his roles; null when there is none. */
export function shareFor(actor: Actor, act: Act, { shares, port }: Thing): SharedAccess | null {
  const { shared: access }: Rule = RULES[act];
  if (access === undefined || actor.kind !== 'user') return null;
  return shareThatAllows(shares, { guestId: actor.userId, access, port });
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
