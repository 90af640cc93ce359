/**
 * Who may do what: the one place. API, subscriptions, tickets and SSH all ask here, with the actor as he is now.
 *
 * Each act has a rule: what it takes with a thing of one's own, and what it takes with anybody else's. Entering somebody
 * else's environment, and restoring somebody else's snapshot, is not for administrators either: what is inside is its
 * owner's, and only he lets somebody in, by a share.
 */
import type { ShareAccess } from '@easel/schema/share';
import { type Actor, asUser, forbidden, type UserActor } from '../actor.ts';
import { holds, lacking, type Rights } from './rights.ts';
import type { Permission } from './roles.ts';
import type { Scope } from './scopes.ts';
import { type SharedAccess, shareThatAllows } from './shared-access.ts';

/** `true` takes nothing, `null` is never allowed. */
export interface Rule {
  /** With a thing that the actor owns. Left out where things have no owner. */
  own?: Permission | true;
  /** What a token with scopes must be for, any of these, where the thing is its owner's, or shared with him. */
  ownScopes?: readonly Scope[] | 'any';
  others: Permission | true | null;
  /** With a thing of which this much is shared with the actor, whatever his roles. */
  shared?: ShareAccess;
  /** A token with scopes must be for this, besides: entering leaves the same permission, and is no making. */
  takes?: Scope;
  /** A computing platform may do this with itself. */
  platformItself?: true;
}

/** Whoever may work with their own sees it too. */
const SEES_OWN = ['environment.view', 'environment.use', 'environment.manage', 'environment.enter'] as const;
const WORKS_OWN = ['environment.use', 'environment.manage'] as const;
const ENTERS_OWN = ['environment.enter'] as const;

const RULES = {
  'environment.create': { others: 'environment.use', takes: 'environment.use' },
  /** That it is there, and how it does. */
  'environment.read': { own: true, ownScopes: SEES_OWN, others: 'environment.view', shared: 'view' },
  /** What is said of its inside: the log, its git status, who is in. Scripts print what they know, secrets too. */
  'environment.inspect': { own: true, ownScopes: SEES_OWN, others: 'environment.view' },
  'environment.start': { own: 'environment.use', ownScopes: WORKS_OWN, others: 'environment.manage' },
  /** Stop, delete, let grow. */
  'environment.operate': { own: true, ownScopes: WORKS_OWN, others: 'environment.manage' },
  /** By SSH. */
  'environment.enter': { own: 'environment.use', ownScopes: ENTERS_OWN, others: null, shared: 'ssh' },
  /** One of its ports. */
  'environment.reach': { own: 'environment.use', ownScopes: ENTERS_OWN, others: null, shared: 'ports' },
  /** What is inside, as a whole. */
  'environment.snapshot': { own: 'environment.use', ownScopes: ENTERS_OWN, others: null },
  'environment.share': { own: 'environment.use', ownScopes: ENTERS_OWN, others: null },
  /** To end what was shared is for whoever may stop it, too. */
  'environment.unshare': { own: true, ownScopes: WORKS_OWN, others: 'environment.manage' },
  'snapshot.read': { own: true, ownScopes: SEES_OWN, others: 'environment.view' },
  'snapshot.remove': { own: true, ownScopes: WORKS_OWN, others: 'environment.manage' },
  'snapshot.restore': { own: true, ownScopes: ['environment.use'], others: null },
  'namespace.read': { others: 'template.view' },
  'namespace.change': { others: 'namespace.edit' },
  'template.read': { others: 'template.view' },
  'template.change': { others: 'template.edit' },
  'instanceType.change': { others: 'instanceType.edit' },
  'platform.inspect': { others: 'platform.inspect', platformItself: true },
  'platform.change': { others: 'platform.edit' },
  'user.read': { own: true, ownScopes: 'any', others: 'user.view' },
  'user.change': { others: 'user.edit' },
  /** Whoever says who somebody is could be anybody: not a part of seeing to users. */
  'signIn.change': { others: 'signIn.edit' },
  'group.read': { others: 'user.view' },
  'group.change': { others: 'user.edit' },
  'role.read': { others: 'user.view' },
  'role.change': { others: 'user.edit' },
  'account.unlink': { own: true, others: 'user.edit' },
  'audit.read': { others: 'audit.view' },
  /** Whether mail works, and which mails did not go out; a test mail. */
  'mail.inspect': { others: 'outbound.edit' },
  /** Whoever is told of events sees who is there, and what they do. */
  'webhook.change': { others: 'outbound.edit' },
  'apiToken.make': { own: true, ownScopes: ['account'], others: 'user.edit' },
  'apiToken.revoke': { own: true, ownScopes: ['account'], others: 'user.edit' },
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
  if (rule.takes && !isFor(actor, [rule.takes])) return false;
  const isOwn = rule.own !== undefined && thing.ownerId === actor.userId && isFor(actor, rule.ownScopes);
  if ((isOwn && rule.own !== undefined && allows(rule.own)) || allows(rule.others)) return true;
  return shareFor(actor, act, thing) !== null;
}

/** The share by which the actor may do it, besides what is his own or in his roles; null when there is none. */
export function shareFor(actor: Actor, act: Act, { shares, port }: Thing): SharedAccess | null {
  const { shared: access, ownScopes }: Rule = RULES[act];
  if (access === undefined || actor.kind !== 'user' || !isFor(actor, ownScopes)) return null;
  return shareThatAllows(shares, { guestId: actor.userId, access, port });
}

/** Whether the token is for one of these; sessions, keys and tokens without scopes are for all. */
function isFor({ scopes }: UserActor, any: readonly Scope[] | 'any' = []): boolean {
  return !scopes || any === 'any' || any.some((scope) => scopes.has(scope));
}

/** Gives true, or throws UNAUTHENTICATED for nobody, and FORBIDDEN with the permission that is missing. */
export function mustMay(actor: Actor, act: Act, thing: Thing = {}): true {
  if (may(actor, act, thing)) return true;
  asUser(actor);
  const { own, others }: Rule = RULES[act];
  const needed = [own, others].find((rule) => typeof rule === 'string');
  const who = actor.kind === 'user' && actor.scopes ? 'your roles, or the scopes of this token,' : 'your roles';
  const message = `this takes the permission "${needed}", which ${who} do not give you: ask an administrator`;
  throw forbidden(message, { permission: needed });
}

/** Throws FORBIDDEN when these rights are more than the actor's own: nobody gives, or takes over, what he does not hold. */
export function mustHold(actor: Actor, rights: Rights, what: string): void {
  const missing = lacking(asUser(actor).rights, rights);
  if (missing.length === 0) return;
  throw forbidden(`${what} takes permissions that you do not hold yourself: ${missing.join(', ')}`);
}
