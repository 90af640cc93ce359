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
  'user.view': 'see all users, their groups and roles, and the open invitations',
  'audit.view': 'read and verify the audit log',
  'user.edit': 'invite and disable users, make groups, roles and service accounts, and give what they hold themselves',
  'namespace.edit': 'create, rename and delete namespaces',
  'outbound.edit': 'see what goes out by mail, and set up webhooks',
  'signIn.edit': 'set up ways of signing in, and who must have a second factor',
} as const;
export type Permission = keyof typeof PERMISSIONS;
export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[];

/** What has a meaning inside of one namespace; the rest is about the whole installation. */
const NAMESPACE_PERMISSIONS = [
  'environment.use',
  'environment.view',
  'environment.manage',
  'template.view',
  'template.edit',
] as const satisfies readonly Permission[];

/** Where a role can be given. A system role may hold everything: it counts in every namespace, too. */
export const ROLE_SCOPES = ['system', 'namespace'] as const;
export type RoleScope = (typeof ROLE_SCOPES)[number];

export function permissionsOf(scope: RoleScope): readonly Permission[] {
  return scope === 'system' ? ALL_PERMISSIONS : NAMESPACE_PERMISSIONS;
}

/** For the whole installation. */
export const SYSTEM_ROLES = {
  administrator: ALL_PERMISSIONS,
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

export function isNamespaceRole(word: string): word is NamespaceRole {
  return Object.hasOwn(NAMESPACE_ROLES, word);
}

export function isSystemRole(word: string): word is SystemRole {
  return Object.hasOwn(SYSTEM_ROLES, word);
}

export function isPermission(word: string): word is Permission {
  return Object.hasOwn(PERMISSIONS, word);
}
