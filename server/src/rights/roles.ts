/**
 * What may be granted, and which role grants what. A permission says what its holder may do with what is *not* his own, and
 * whether he may make and use things of his own; `may.ts` says which of them an act needs.
 */

/** Names of permissions, each with what it lets its holder do. */
export const PERMISSIONS = {
  'environment.use': 'create environments; start and enter their own',
  'environment.view': "see everybody's environments and snapshots",
  'environment.manage': "stop, start and delete everybody's environments; delete everybody's snapshots",
  'template.view': 'see templates',
  'template.edit': 'create, change and delete templates',
  'instanceType.edit': 'create, change and delete instance types',
  'platform.inspect': 'see the settings of computing platforms and what they lack',
  'platform.edit': 'add, set and remove computing platforms',
  'user.view': 'see all users, their roles and the open invitations',
  'audit.view': 'read and verify the audit log',
  'user.edit': 'invite and disable users, give roles, make service accounts',
} as const;
export type Permission = keyof typeof PERMISSIONS;

/** For the whole installation. */
export const SYSTEM_ROLES = {
  administrator: Object.keys(PERMISSIONS) as Permission[],
  auditor: ['environment.view', 'template.view', 'platform.inspect', 'user.view', 'audit.view'],
} as const satisfies Record<string, readonly Permission[]>;
export type SystemRole = keyof typeof SYSTEM_ROLES;

/** In one namespace. */
export const NAMESPACE_ROLES = {
  administrator: ['environment.use', 'environment.view', 'environment.manage', 'template.view', 'template.edit'],
  developer: ['environment.use', 'template.view'],
  viewer: ['environment.view', 'template.view'],
} as const satisfies Record<string, readonly Permission[]>;
export type NamespaceRole = keyof typeof NAMESPACE_ROLES;

/** All that a user's roles are. Who has equal rights, and is the same user, sees the same. */
export interface Rights {
  systemRole: SystemRole | null;
  /** By the namespace's id; without one, nothing in that namespace. */
  roles: Readonly<Record<string, NamespaceRole>>;
}

/** Whether these rights hold the permission in this namespace; without a namespace, in the whole installation. */
export function holds(rights: Rights, permission: Permission, namespaceId: string | null): boolean {
  const { systemRole } = rights;
  if (systemRole && (SYSTEM_ROLES[systemRole] as readonly Permission[]).includes(permission)) return true;
  const role = namespaceId === null ? undefined : rights.roles[namespaceId];
  return role !== undefined && (NAMESPACE_ROLES[role] as readonly Permission[]).includes(permission);
}

/** What there is in the database, as rights: a word that this release does not know gives nothing. */
export function rightsOf(user: {
  isAdministrator: boolean;
  isAuditor: boolean;
  members: readonly { namespaceId: string; role: string }[];
}): Rights {
  const roles: Record<string, NamespaceRole> = {};
  for (const { namespaceId, role } of user.members) if (isNamespaceRole(role)) roles[namespaceId] = role;
  return { systemRole: user.isAdministrator ? 'administrator' : user.isAuditor ? 'auditor' : null, roles };
}

export function isNamespaceRole(word: string): word is NamespaceRole {
  return Object.hasOwn(NAMESPACE_ROLES, word);
}

export function isSystemRole(word: string): word is SystemRole {
  return Object.hasOwn(SYSTEM_ROLES, word);
}

/** The same text for the same rights. */
export function rightsKey({ systemRole, roles }: Rights): string {
  const each = Object.entries(roles).map(([namespaceId, role]) => `${namespaceId}:${role}`);
  return [systemRole ?? 'none', ...each.sort()].join(' ');
}
