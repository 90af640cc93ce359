/** Why somebody may do something, or may not: the same decision as everywhere (`may`), and where each permission comes from. */
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { type Actor, notFound, type UserActor } from '../actor.ts';
import type { Db } from '../db.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import { type Grant, readGrants } from '../rights/grants.ts';
import { type Act, may, mustMay, type Rule, ruleOf, shareFor, type Thing } from '../rights/may.ts';
import { holds, permissionsIn, rightsOf } from '../rights/rights.ts';
import { ALL_PERMISSIONS, type Permission, permissionsOf } from '../rights/roles.ts';
import type { SharedWithService } from '../share/shared-with.service.ts';
import type { TemplateService } from '../template/template.service.ts';
import type { UserService } from '../user/user.service.ts';
import type { UserRow } from '../user/user-row.ts';

/** One permission by one way. */
export interface PermissionSource {
  permission: Permission;
  grant: Grant;
}

export interface Explanation {
  isAllowed: boolean;
  /** One sentence for a person. */
  reason: string;
  /** What it takes, where it takes one. */
  permission: Permission | null;
  /** Where the user has that permission from, as far as it counts here. */
  sources: PermissionSource[];
}

interface ExplainServiceParts {
  db: Db;
  users: UserService;
  environments: EnvironmentService;
  templates: TemplateService;
  namespaces: NamespaceService;
  shared: Pick<SharedWithService, 'accessOf'>;
}

export class ExplainService {
  readonly #parts: ExplainServiceParts;

  constructor(parts: ExplainServiceParts) {
    this.#parts = parts;
  }

  /** Every permission of this user with every way by which he has it. Throws NOT_FOUND. */
  async sources(actor: Actor, userId: string): Promise<PermissionSource[]> {
    const user = await this.#user(actor, userId);
    return sourcesOf(await readGrants(this.#parts.db, user.id));
  }

  /** Whether this user may do this, with this environment or template where one is meant. Throws NOT_FOUND or INVALID_INPUT. */
  async explain(actor: Actor, wish: { userId: string; act: Act; thingId: string | null }): Promise<Explanation> {
    const user = await this.#user(actor, wish.userId);
    const thing = await this.#thing(actor, user, wish);
    const grants = await readGrants(this.#parts.db, user.id);
    const credential = { kind: 'session', id: 'none' } as const;
    const subject: UserActor = {
      kind: 'user',
      userId: user.id,
      login: user.login,
      rights: rightsOf(grants),
      credential,
    };
    const isAllowed = user.disabledAt === null && may(subject, wish.act, thing);
    const told = tell(wish.act, subject, thing);
    const permission = told.permission;
    const sources = sourcesOf(grants).filter(
      ({ permission: name, grant }) =>
        name === permission && (grant.namespaceId === null || grant.namespaceId === thing.namespaceId),
    );
    const reason = user.disabledAt === null ? told.reason : 'the user is disabled, and may do nothing';
    return { isAllowed, reason, permission, sources };
  }

  async #user(actor: Actor, id: string): Promise<UserRow> {
    mustMay(actor, 'user.read', { ownerId: id });
    if (!isId('user', id)) throw notFound('user');
    return this.#parts.users.get(id);
  }

  /** As far as whoever asks may see it himself. */
  async #thing(actor: Actor, user: UserRow, wish: { act: Act; thingId: string | null }): Promise<Thing> {
    const { act, thingId } = wish;
    if (thingId === null) {
      const rule = ruleOf(act);
      if (rule.own !== undefined && rule.others !== 'user.view' && rule.others !== 'user.edit') {
        throw new AppError({ code: 'INVALID_INPUT', message: `"${act}" is done with something: name it` });
      }
      const isInNamespace = permissionsOf('namespace').some((permission) => permission === rule.others);
      return isInNamespace ? { namespaceId: await this.#parts.namespaces.defaultId() } : {};
    }
    if (isId('namespace', thingId)) {
      const seen = await this.#parts.namespaces.list(actor);
      if (!seen.some(({ id }) => id === thingId)) throw notFound('namespace');
      return { namespaceId: thingId };
    }
    if (isId('template', thingId)) {
      const template = await this.#parts.templates.find(actor, thingId);
      if (!template || !may(actor, 'template.read', template)) throw notFound('template');
      return { namespaceId: template.namespaceId };
    }
    const environment = await this.#parts.environments.get(actor, thingId, 'read');
    const { id, ownerId, namespaceId } = environment;
    return { ownerId, namespaceId, shares: (await this.#parts.shared.accessOf(user.id, [id])).get(id) ?? [] };
  }
}

function sourcesOf(grants: readonly Grant[]): PermissionSource[] {
  const all = grants.flatMap((grant) => permissionsIn(grant).map((permission) => ({ permission, grant })));
  return ALL_PERMISSIONS.flatMap((name) => all.filter(({ permission }) => permission === name));
}

/** What decides, in the order in which `may` looks. */
function tell(act: Act, subject: UserActor, thing: Thing): { reason: string; permission: Permission | null } {
  const rule: Rule = ruleOf(act);
  const { userId, rights } = subject;
  const has = (permission: Permission) => holds(rights, permission, thing.namespaceId ?? null);
  const isOwn = rule.own !== undefined && thing.ownerId === userId;
  if (isOwn && rule.own === true) return { reason: 'it is theirs', permission: null };
  if (isOwn && rule.own && rule.own !== true && has(rule.own)) {
    return { reason: `it is theirs, and they hold "${rule.own}"`, permission: rule.own };
  }
  if (rule.others === true) return { reason: 'everybody may', permission: null };
  if (rule.others !== null && has(rule.others)) {
    return { reason: `they hold "${rule.others}"`, permission: rule.others };
  }
  if (shareFor(subject, act, thing)) return { reason: 'the owner shares it with them', permission: null };
  if (isOwn && rule.own && rule.own !== true) {
    return { reason: `it is theirs, but none of their roles gives "${rule.own}"`, permission: rule.own };
  }
  if (rule.others === null)
    return { reason: 'it is somebody else’s, and no role lets anybody do this', permission: null };
  const what = rule.own === undefined ? '' : 'it is somebody else’s, and ';
  return { reason: `${what}none of their roles gives "${rule.others}"`, permission: rule.others };
}
