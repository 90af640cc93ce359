/**
 * What somebody may, added up: the permissions of every role that he has by whatever way. Whoever looks at rights looks at these
 * sets; where each permission comes from is in the grants (`grants.ts`).
 */
import type { Grant } from './grants.ts';
import {
  ALL_PERMISSIONS,
  isNamespaceRole,
  isPermission,
  isSystemRole,
  NAMESPACE_ROLES,
  type Permission,
  permissionsOf,
  SYSTEM_ROLES,
} from './roles.ts';

/** Who has equal rights, and is the same user, sees the same. */
export interface Rights {
  /** In the whole installation, so in every namespace too. */
  everywhere: ReadonlySet<Permission>;
  /** What there is besides, by the namespace's id. */
  inNamespace: Readonly<Record<string, ReadonlySet<Permission>>>;
}

/** Whether these rights hold the permission in this namespace; without a namespace, in the whole installation. */
export function holds(rights: Rights, permission: Permission, namespaceId: string | null): boolean {
  if (rights.everywhere.has(permission)) return true;
  return namespaceId !== null && rights.inNamespace[namespaceId]?.has(permission) === true;
}

/** What one grant gives: a word or a permission that this release does not know gives nothing. */
export function permissionsIn({ namespaceId, role, permissions }: Grant): readonly Permission[] {
  const words = permissions ?? [];
  if (namespaceId === null) {
    return role === null ? words.filter(isPermission) : isSystemRole(role) ? SYSTEM_ROLES[role] : [];
  }
  if (role !== null) return isNamespaceRole(role) ? NAMESPACE_ROLES[role] : [];
  const fitting: readonly string[] = permissionsOf('namespace');
  return words.filter(isPermission).filter((word) => fitting.includes(word));
}

export function rightsOf(grants: readonly Grant[]): Rights {
  let everywhere = new Set<Permission>();
  const inNamespace: Record<string, Set<Permission>> = {};
  for (const grant of grants) {
    const { namespaceId } = grant;
    const known = namespaceId === null ? everywhere : (inNamespace[namespaceId] ?? []);
    const set = new Set([...known, ...permissionsIn(grant)]);
    if (namespaceId === null) everywhere = set;
    else inNamespace[namespaceId] = set;
  }
  return { everywhere, inNamespace };
}

/** No more than these rights, and of them only what is allowed: for a token that is to do less than its owner may. */
export function narrowed({ everywhere, inNamespace }: Rights, allowed: ReadonlySet<Permission>): Rights {
  const both = (set: ReadonlySet<Permission>) => new Set([...set].filter((permission) => allowed.has(permission)));
  const each = Object.entries(inNamespace).map(([id, set]) => [id, both(set)]);
  return { everywhere: both(everywhere), inNamespace: Object.fromEntries(each) };
}

/** The permissions of `given` that `holder` lacks where they are given: nobody hands out more than he has. */
export function lacking(holder: Rights, given: Rights): Permission[] {
  const missing = new Set([...given.everywhere].filter((permission) => !holder.everywhere.has(permission)));
  for (const [id, set] of Object.entries(given.inNamespace)) {
    for (const permission of set) if (!holds(holder, permission, id)) missing.add(permission);
  }
  return [...missing];
}

/** What there is in `after` and not in `before`. */
export function gained(before: Rights, after: Rights): Rights {
  const fresh = (set: ReadonlySet<Permission>, namespaceId: string | null) =>
    new Set([...set].filter((permission) => !holds(before, permission, namespaceId)));
  const each = Object.entries(after.inNamespace).map(([id, set]) => [id, fresh(set, id)]);
  return { everywhere: fresh(after.everywhere, null), inNamespace: Object.fromEntries(each) };
}

/** The same text for the same rights. */
export function rightsKey({ everywhere, inNamespace }: Rights): string {
  const words = (set: ReadonlySet<Permission>) => ALL_PERMISSIONS.filter((permission) => set.has(permission)).join(',');
  const each = Object.entries(inNamespace).map(([id, set]) => `${id}:${words(set)}`);
  return [words(everywhere), ...each.sort()].join(' ');
}
