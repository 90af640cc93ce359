/** Roles that people make from named permissions, and who is given them. */
import { AppError } from '@easel/schema/errors';
import { isId, type UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { parseInput } from '../parse-input.ts';
import type { Grant } from '../rights/grants.ts';
import { mustHold, mustMay } from '../rights/may.ts';
import { gained, rightsOf } from '../rights/rights.ts';
import { ALL_PERMISSIONS, isPermission, type Permission, permissionsOf, ROLE_SCOPES } from '../rights/roles.ts';
import { uniquelyNamed } from '../uniquely-named.ts';
import { type Holder, type RoleFields, type RoleRow, roleStore } from './role.store.ts';
import { type Namespaces, type RoleWish, resolveWish } from './role-wish.ts';

export const roleSchema = z
  .object({
    name: z.string().trim().min(1, 'expected a name').max(100),
    description: z
      .string()
      .trim()
      .max(500)
      .nullish()
      .transform((text) => text ?? ''),
    scope: z.enum(ROLE_SCOPES),
    permissions: z
      .array(z.enum(ALL_PERMISSIONS as [Permission, ...Permission[]]))
      .min(1, 'a role needs a permission')
      .max(ALL_PERMISSIONS.length)
      .transform((names) => ALL_PERMISSIONS.filter((name) => names.includes(name))),
  })
  .superRefine(({ scope, permissions }, context) => {
    const unfit = permissions.filter((name) => !permissionsOf(scope).includes(name));
    if (unfit.length === 0) return;
    const message = `a role of a namespace cannot hold what is about the whole installation: ${unfit.join(', ')}`;
    context.addIssue({ code: 'custom', path: ['permissions'], message });
  });

/** More are a mistake in a script. */
const MAX_ROLES = 1000;

interface RoleServiceParts {
  db: Db;
  namespaces: Namespaces;
  /** Tells the users' workers, in the same transaction. */
  onAccessChanged: (tx: Tx, userIds: readonly UserId[]) => Promise<void>;
}

export class RoleService {
  readonly #parts: RoleServiceParts;
  readonly #db: Db;

  constructor(parts: RoleServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** By name. Throws FORBIDDEN. */
  list(actor: Actor): Promise<RoleRow[]> {
    mustMay(actor, 'role.read');
    return reading(() => roleStore.list(this.#db));
  }

  grantCounts(ids: readonly string[]): Promise<Map<string, number>> {
    return reading(() => roleStore.grantCounts(this.#db, ids));
  }

  /** Throws NAME_TAKEN, and FORBIDDEN for a permission that the actor does not hold himself. */
  async create(actor: Actor, input: z.input<typeof roleSchema>): Promise<RoleRow> {
    mustMay(actor, 'role.change');
    const fields = parseInput(roleSchema, input);
    mustHold(actor, everywhere(fields.permissions), 'to make this role');
    return uniquelyNamed({ what: 'a role', name: fields.name }, () =>
      inTransaction(this.#db, async (tx) => {
        if ((await roleStore.list(tx)).length >= MAX_ROLES) {
          throw new AppError({ code: 'QUOTA_EXCEEDED', message: `there are ${MAX_ROLES} roles already` });
        }
        return roleStore.insert(tx, fields);
      }),
    );
  }

  /** Whoever has it gets, or loses, what has changed within seconds. Throws WRONG_STATE for another scope while it is given. */
  async update(actor: Actor, id: string, input: z.input<typeof roleSchema>): Promise<RoleRow> {
    mustMay(actor, 'role.change');
    const row = await this.#get(id);
    const fields = parseInput(roleSchema, input);
    mustHold(actor, everywhere(added(row, fields)), 'to change this role');
    return uniquelyNamed({ what: 'a role', name: fields.name }, () =>
      inTransaction(this.#db, async (tx) => {
        if (row.scope !== fields.scope) await this.#refuseGiven(tx, row, 'given in another place');
        const updated = await roleStore.update(tx, row, fields);
        if (!updated) {
          const message = 'somebody else has changed this role in the meantime: look at it again';
          throw new AppError({ code: 'WRONG_STATE', message });
        }
        await this.#parts.onAccessChanged(tx, await roleStore.holders(tx, row.id));
        return updated;
      }),
    );
  }

  /** Throws WRONG_STATE while anybody has it. */
  async delete(actor: Actor, id: string): Promise<RoleRow> {
    mustMay(actor, 'role.change');
    const row = await this.#get(id);
    await inTransaction(this.#db, async (tx) => {
      await this.#refuseGiven(tx, row, 'deleted');
      await roleStore.delete(tx, row.id);
    });
    return row;
  }

  resolve(wishes: readonly RoleWish[]): Promise<Grant[]> {
    return Promise.all(wishes.map((wish) => resolveWish(this.#db, this.#parts.namespaces, wish)));
  }

  /** What this holder has, but for the words in the columns of a user and in `members`. */
  grantsOf(holder: Holder, db: Db | Tx = this.#db): Promise<Grant[]> {
    return reading(() => roleStore.grantsOf(db, holder));
  }

  /** Replaces them. Throws FORBIDDEN where that gives what the actor does not hold. */
  async give(tx: Tx, actor: Actor, holder: Holder, grants: readonly Grant[]): Promise<void> {
    const before = rightsOf(await roleStore.grantsOf(tx, holder));
    mustHold(actor, gained(before, rightsOf(grants)), 'to give this');
    await roleStore.replaceGrants(tx, holder, grants);
  }

  /** All of a namespace that goes. */
  removeGrantsIn(tx: Tx, namespaceId: string): Promise<void> {
    return roleStore.removeGrantsIn(tx, namespaceId);
  }

  async #get(id: string): Promise<RoleRow> {
    const row = isId('role', id) ? await reading(() => roleStore.find(this.#db, id)) : null;
    if (!row) throw notFound('role');
    return row;
  }

  async #refuseGiven(tx: Tx, { id, name }: RoleRow, what: string): Promise<void> {
    const count = await roleStore.countGrants(tx, id);
    if (count === 0) return;
    const message = `the role "${name}" cannot be ${what} while users or groups have it (${count}): take it away first`;
    throw new AppError({ code: 'WRONG_STATE', message });
  }
}

function everywhere(permissions: readonly Permission[]) {
  return { everywhere: new Set(permissions), inNamespace: {} };
}

function added(before: RoleRow, { permissions }: RoleFields): Permission[] {
  return permissions.filter(isPermission).filter((name) => !before.permissions.includes(name));
}
