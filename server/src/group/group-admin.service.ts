/** What administrators do with groups. Nobody puts anybody, or himself, into a group that has more than he holds. */
import { AppError } from '@easel/schema/errors';
import { type GroupId, isId, type UserId } from '@easel/schema/ids';
import type { z } from 'zod';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx, uniqueViolation } from '../db.ts';
import type { Group } from '../generated/prisma/client.ts';
import { parseInput } from '../parse-input.ts';
import { keepingAdministrators } from '../rights/administrators.ts';
import type { Grant } from '../rights/grants.ts';
import { mustHold, mustMay } from '../rights/may.ts';
import { rightsOf } from '../rights/rights.ts';
import type { RoleService } from '../role/role.service.ts';
import { type GroupRow, groupStore } from './group.store.ts';
import { type GroupFields, groupSchema, membersSchema } from './group-input.ts';

/** More are a mistake in a script. */
const MAX_GROUPS = 10_000;

/** What a directory says of a group of its own. */
interface Provisioned {
  name: string;
  externalId: string | null;
  memberIds: readonly UserId[];
}

interface GroupAdminServiceParts {
  db: Db;
  roles: RoleService;
  modules: { has: (id: string) => Promise<boolean> };
  /** Tells the users' workers, in the same transaction. */
  onAccessChanged: (tx: Tx, userIds: readonly UserId[]) => Promise<void>;
}

export class GroupAdminService {
  readonly #parts: GroupAdminServiceParts;
  readonly #db: Db;

  constructor(parts: GroupAdminServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** A page of all groups, by name. Throws FORBIDDEN. */
  page(actor: Actor, query: Parameters<typeof groupStore.page>[1], search: string | null): Promise<Group[]> {
    mustMay(actor, 'group.read');
    return reading(() => groupStore.page(this.#db, query, search));
  }

  /** Throws NAME_TAKEN, and FORBIDDEN for a role that gives what the actor does not hold. */
  async create(actor: Actor, input: z.input<typeof groupSchema>): Promise<GroupRow> {
    mustMay(actor, 'group.change');
    const fields = await this.#parse(input);
    const grants = await this.#parts.roles.resolve(fields.roles);
    return this.#uniquelyNamed(fields, () =>
      inTransaction(this.#db, async (tx) => {
        if ((await groupStore.count(tx)) >= MAX_GROUPS) {
          throw new AppError({ code: 'QUOTA_EXCEEDED', message: `there are ${MAX_GROUPS} groups already` });
        }
        const row = await groupStore.insert(tx, columnsOf(fields));
        await this.#parts.roles.give(tx, actor, { groupId: row.id }, grants);
        return row;
      }),
    );
  }

  /** Replaces name, description, directory and roles. Throws WRONG_STATE where nobody could administer any more. */
  async update(actor: Actor, id: string, input: z.input<typeof groupSchema>): Promise<GroupRow> {
    mustMay(actor, 'group.change');
    const fields = await this.#parse(input);
    const grants = await this.#parts.roles.resolve(fields.roles);
    return this.#uniquelyNamed(fields, () =>
      this.#change(id, async (tx, row) => {
        if (isMoved(row, fields)) refuseProvisioned(row);
        // Who is in it is then another's decision: the same as putting somebody in.
        if (isMoved(row, fields)) mustHold(actor, rightsOf(grants), 'to let a directory fill this group');
        await this.#parts.roles.give(tx, actor, { groupId: row.id }, grants);
        await groupStore.update(tx, row.id, columnsOf(fields));
        await this.#parts.onAccessChanged(tx, await groupStore.memberIds(tx, row.id));
      }),
    );
  }

  /** Its members lose what it gave. Throws WRONG_STATE where nobody could administer any more. */
  async delete(actor: Actor, id: string): Promise<GroupRow> {
    mustMay(actor, 'group.change');
    return this.#change(id, async (tx, row) => {
      const memberIds = await groupStore.memberIds(tx, row.id);
      await groupStore.delete(tx, row.id);
      await this.#parts.onAccessChanged(tx, memberIds);
    });
  }

  /**
   * A group of the directory that provisions users: makes it, or brings the one of this id to what the directory says. What it gives is
   * decided here, by whoever gives roles to it; so this asks for no more than `group.change`.
   */
  async provision(actor: Actor, id: GroupId | null, wanted: Provisioned): Promise<GroupRow> {
    mustMay(actor, 'group.change');
    const { name, externalId: scimExternalId, memberIds } = wanted;
    const fields = { name, scimExternalId, isProvisioned: true };
    const settle = async (tx: Tx, row: GroupRow) => {
      const present = new Set(await groupStore.memberIds(tx, row.id));
      const add = memberIds.filter((userId) => !present.has(userId));
      const wantedIds = new Set(memberIds);
      const remove = [...present].filter((userId) => !wantedIds.has(userId));
      await groupStore.addMembers(tx, row.id, add);
      await groupStore.removeMembers(tx, row.id, remove);
      await this.#parts.onAccessChanged(tx, [...add, ...remove]);
    };
    return this.#uniquelyNamed({ name, externalName: null }, () => {
      if (id === null) {
        return inTransaction(this.#db, async (tx) => {
          const row = await groupStore.insert(tx, fields);
          await settle(tx, row);
          return row;
        });
      }
      return this.#change(id, async (tx, row) => {
        await groupStore.update(tx, row.id, fields);
        await settle(tx, row);
      });
    });
  }

  /** Throws WRONG_STATE for a group that a directory keeps in step, and where nobody could administer any more. */
  async changeMembers(actor: Actor, id: string, input: z.input<typeof membersSchema>): Promise<GroupRow> {
    mustMay(actor, 'group.change');
    const { add, remove } = parseInput(membersSchema, input) as { add: UserId[]; remove: UserId[] };
    return this.#change(id, async (tx, row) => {
      refuseProvisioned(row);
      if (row.moduleId !== null) throw keptInStep(row, 'a sign-in module');
      const known = new Set(await groupStore.knownUsers(tx, add));
      if (add.some((userId) => !known.has(userId))) throw notFound('user');
      if (add.length > 0) mustHold(actor, rightsOf(await this.#grantsOf(tx, row)), 'to put anybody into this group');
      await groupStore.addMembers(tx, row.id, add);
      await groupStore.removeMembers(tx, row.id, remove);
      await this.#parts.onAccessChanged(tx, [...add, ...remove]);
    });
  }

  /** What these groups give, for whoever hands them out with something else. Throws NOT_FOUND. */
  async grantsOfAll(ids: readonly string[]): Promise<Grant[]> {
    const rows = await Promise.all(ids.map((id) => this.#get(this.#db, id)));
    for (const row of rows) {
      refuseProvisioned(row);
      if (row.moduleId !== null) throw keptInStep(row, 'a sign-in module');
    }
    return (await Promise.all(rows.map((row) => this.#grantsOf(this.#db, row)))).flat();
  }

  /** Into those of these that there are still, and that no directory has taken over. */
  async join(tx: Tx, userId: UserId, ids: readonly string[]): Promise<void> {
    for (const { id } of await groupStore.someOwn(tx, ids)) await groupStore.addMembers(tx, id, [userId]);
  }

  #grantsOf(db: Db | Tx, { id }: GroupRow): Promise<Grant[]> {
    return this.#parts.roles.grantsOf({ groupId: id }, db);
  }

  async #parse(input: z.input<typeof groupSchema>): Promise<GroupFields> {
    const fields = parseInput(groupSchema, input);
    if (fields.module !== null && !(await this.#parts.modules.has(fields.module))) throw notFound('sign-in module');
    return fields;
  }

  async #get(db: Db | Tx, id: string): Promise<GroupRow> {
    const row = isId('group', id) ? await reading(() => groupStore.find(db, id)) : null;
    if (!row) throw notFound('group');
    return row;
  }

  #change(id: string, work: (tx: Tx, row: GroupRow) => Promise<void>): Promise<GroupRow> {
    return inTransaction(this.#db, (tx) =>
      keepingAdministrators(tx, async () => {
        const row = await this.#get(tx, id);
        await work(tx, row);
        return (await groupStore.find(tx, row.id)) ?? row;
      }),
    );
  }

  async #uniquelyNamed<T>(
    { name, externalName }: Pick<GroupFields, 'name' | 'externalName'>,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (err) {
      const violated = uniqueViolation(err);
      if (violated === null) throw err;
      const message = violated.includes('external')
        ? `another group is kept in step with "${externalName}" of this sign-in module: change that one`
        : `there is already a group "${name}": choose another name`;
      throw new AppError({ code: 'NAME_TAKEN', message });
    }
  }
}

function columnsOf({ name, description, module: moduleId, externalName }: GroupFields) {
  return { name, description, moduleId, externalName };
}

function isMoved(row: GroupRow, { module, externalName }: GroupFields): boolean {
  return row.moduleId !== module || row.externalName !== externalName;
}

function refuseProvisioned(row: GroupRow): void {
  if (row.isProvisioned) throw keptInStep(row, 'the directory that provisions users by SCIM');
}

function keptInStep({ name }: GroupRow, by: string): AppError {
  const message = `${by} decides who is in the group "${name}": change it there`;
  return new AppError({ code: 'WRONG_STATE', message });
}
