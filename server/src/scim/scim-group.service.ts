/**
 * The groups of a directory: it makes them and says who is in them, an administrator says what they give. Groups that were made here,
 * or belong to a sign-in module, are not to be seen: a directory must not put anybody into those.
 */
import { type GroupId, isId, type UserId } from '@easel/schema/ids';
import { z } from 'zod';
import type { Actor } from '../actor.ts';
import { type Db, reading } from '../db.ts';
import type { GroupAdminService } from '../group/group-admin.service.ts';
import { mustMay } from '../rights/may.ts';
import { type GroupWithMembers, scimStore } from './scim.store.ts';
import { badRequest, noSuch } from './scim-error.ts';
import { applyPatch, GROUP_ATTRIBUTES } from './scim-patch.ts';
import { CORE_GROUP, parseFilter } from './scim-path.ts';

/** A directory with more people in one group is served in pieces. */
const MAX_MEMBERS = 20_000;

const groupSchema = z.object({
  displayName: z.string().trim().min(1, 'expected a displayName').max(100),
  externalId: z.string().max(200).nullish(),
  members: z
    .array(z.object({ value: z.string().max(200) }))
    .max(MAX_MEMBERS)
    .nullish(),
});

export class ScimGroupService {
  readonly #db: Db;
  readonly #groups: GroupAdminService;

  constructor(parts: { db: Db; groups: GroupAdminService }) {
    this.#db = parts.db;
    this.#groups = parts.groups;
  }

  list(actor: Actor, filter: string | null, options: { skip: number; take: number; hasMembers: boolean }) {
    mustMay(actor, 'group.read');
    const comparisons = filter === null ? [] : parseFilter(filter);
    return reading(() => scimStore.listGroups(this.#db, comparisons, options));
  }

  async get(actor: Actor, id: string): Promise<GroupWithMembers> {
    mustMay(actor, 'group.read');
    const row = isId('group', id) ? await reading(() => scimStore.findGroup(this.#db, id)) : null;
    if (!row) throw noSuch('group');
    return row;
  }

  async create(actor: Actor, body: unknown): Promise<GroupWithMembers> {
    mustMay(actor, 'group.change');
    const fields = await this.#parse(body);
    return this.get(actor, (await this.#groups.provision(actor, null, fields)).id);
  }

  async replace(actor: Actor, id: string, body: unknown): Promise<GroupWithMembers> {
    mustMay(actor, 'group.change');
    const row = await this.get(actor, id);
    await this.#groups.provision(actor, row.id as GroupId, await this.#parse(body));
    return this.get(actor, id);
  }

  async patch(actor: Actor, id: string, body: unknown): Promise<GroupWithMembers> {
    mustMay(actor, 'group.change');
    const row = await this.get(actor, id);
    const { displayName, externalId, members } = presentGroup(row, '');
    return this.replace(actor, id, applyPatch({ displayName, externalId, members }, body, GROUP_ATTRIBUTES));
  }

  async delete(actor: Actor, id: string): Promise<GroupWithMembers> {
    mustMay(actor, 'group.change');
    const row = await this.get(actor, id);
    await this.#groups.delete(actor, row.id);
    return row;
  }

  async #parse(body: unknown) {
    const parsed = groupSchema.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw badRequest('invalidValue', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
    }
    const { displayName: name, externalId, members } = parsed.data;
    const memberIds = [...new Set((members ?? []).map(({ value }) => value as UserId))];
    const visible = await reading(() => scimStore.visible(this.#db, memberIds));
    const unknown = memberIds.find((memberId) => !visible.has(memberId));
    if (unknown !== undefined) throw badRequest('invalidValue', `there is no such member: ${unknown.slice(0, 50)}`);
    return { name, externalId: externalId ?? null, memberIds };
  }
}

export function presentGroup(row: GroupWithMembers, baseUrl: string, hasMembers = true): Record<string, unknown> {
  const members = row.members.map(({ user }) => ({
    value: user.id,
    display: user.name,
    $ref: `${baseUrl}/Users/${user.id}`,
  }));
  return {
    schemas: [CORE_GROUP],
    id: row.id,
    displayName: row.name,
    ...(row.scimExternalId ? { externalId: row.scimExternalId } : {}),
    ...(hasMembers ? { members } : {}),
    meta: {
      resourceType: 'Group',
      created: row.createdAt.toISOString(),
      lastModified: row.updatedAt.toISOString(),
      location: `${baseUrl}/Groups/${row.id}`,
    },
  };
}
