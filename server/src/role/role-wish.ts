/** A role as somebody asks for it: a word of the house, or one that people made, in a namespace or in the whole installation. */
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { z } from 'zod';
import type { Reader } from '../db.ts';
import type { Grant } from '../rights/grants.ts';
import { NAMESPACE_ROLES, type NamespaceRole, SYSTEM_ROLES, type SystemRole } from '../rights/roles.ts';
import { roleStore } from './role.store.ts';

const words = <Word extends string>(table: Record<Word, unknown>) => Object.keys(table) as [Word, ...Word[]];
const id = z.string().max(200);

export const roleWishSchema = z
  .object({
    systemRole: z.enum(words<SystemRole>(SYSTEM_ROLES)).nullish(),
    role: z.enum(words<NamespaceRole>(NAMESPACE_ROLES)).nullish(),
    custom: id.nullish(),
    namespace: id.nullish(),
  })
  .refine(({ systemRole, role, custom }) => [systemRole, role, custom].filter((word) => word).length === 1, {
    error: 'expected one of systemRole, role and custom',
  });
export type RoleWish = z.output<typeof roleWishSchema>;
/** More roles of one user or group are a mistake in a script. */
export const roleWishesSchema = z.array(roleWishSchema).max(200);

/** Where roles can be given, as far as a wish asks for it. */
export interface Namespaces {
  /** By id or name, the default one when nothing is given. Throws NOT_FOUND. */
  idOf(wanted: string | null | undefined): Promise<string>;
}

/** As a grant of whoever asks for it. A role of a namespace is given in the default one unless another is named. */
export async function resolveWish(db: Reader, namespaces: Namespaces, wish: RoleWish): Promise<Grant> {
  const plain = { role: null, roleId: null, permissions: null, groupId: null };
  if (wish.systemRole) return { ...plain, role: wish.systemRole, namespaceId: null };
  const namespaceId = await namespaces.idOf(wish.namespace);
  if (wish.role) return { ...plain, role: wish.role, namespaceId };
  const row = wish.custom && isId('role', wish.custom) ? await roleStore.find(db, wish.custom) : null;
  if (!row) throw notFound('role');
  const { id: roleId, permissions } = row;
  return { ...plain, roleId, permissions, namespaceId: row.scope === 'system' ? null : namespaceId };
}

function notFound(what: string): AppError {
  return new AppError({ code: 'NOT_FOUND', message: `there is no such ${what}: look at the list of them again` });
}
