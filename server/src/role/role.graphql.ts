import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import { NamespaceType } from '../namespace/namespace.graphql.ts';
import { type Grant, readGrantsOf } from '../rights/grants.ts';
import { may } from '../rights/may.ts';
import {
  isNamespaceRole,
  isSystemRole,
  PERMISSIONS,
  type Permission,
  permissionsOf,
  ROLE_SCOPES,
} from '../rights/roles.ts';
import { NamespaceRoleEnum, SystemRoleEnum, UserNode } from '../user/user.graphql.ts';

const RoleScopeEnum = builder.enumType('RoleScope', {
  values: { system: { description: 'In the whole installation.' }, namespace: { description: 'In one namespace.' } },
});

const PermissionType = builder.objectRef<Permission>('Permission').implement({
  fields: (t) => ({
    name: t.string({ resolve: (name) => name }),
    description: t.string({ description: 'What it lets its holder do.', resolve: (name) => PERMISSIONS[name] }),
    scopes: t.field({
      type: [RoleScopeEnum],
      description: 'Roles of which scope can hold it.',
      resolve: (name) => ROLE_SCOPES.filter((scope) => permissionsOf(scope).includes(name)),
    }),
  }),
});

export const RoleNode = builder.prismaNode('Role', {
  id: { field: 'id' },
  // By id for those who see all roles; others see the name of what they have themselves.
  findUnique: (id, { actor }) => ({ id: may(actor, 'role.read') ? id : '' }),
  description: 'A role that people made.',
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description'),
    scope: t.field({ type: RoleScopeEnum, resolve: ({ scope }) => (scope === 'system' ? 'system' : 'namespace') }),
    permissions: t.exposeStringList('permissions'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    grantCount: t.loadable({
      type: 'Int',
      description: 'How often it is given, to users and to groups.',
      load: async (ids: string[], { services }) => {
        const counts = await services.roles.grantCounts(ids);
        return ids.map((id) => counts.get(id) ?? 0);
      },
      resolve: ({ id }) => id,
    }),
  }),
});

/** The group by which it is had is a field that group.graphql.ts adds. */
export const GrantedRole = builder.objectRef<Grant>('GrantedRole').implement({
  description: 'A role that somebody has, and where. One of systemRole, role and custom is set.',
  fields: (t) => ({
    systemRole: t.field({
      type: SystemRoleEnum,
      nullable: true,
      resolve: ({ namespaceId, role }) => (namespaceId === null && role && isSystemRole(role) ? role : null),
    }),
    role: t.field({
      type: NamespaceRoleEnum,
      nullable: true,
      resolve: ({ namespaceId, role }) => (namespaceId !== null && role && isNamespaceRole(role) ? role : null),
    }),
    custom: t.loadable({
      type: RoleNode,
      nullable: true,
      load: async (ids: string[], { db }) => {
        const rows = new Map((await db.role.findMany({ where: { id: { in: ids } } })).map((row) => [row.id, row]));
        return ids.map((id) => rows.get(id) ?? null) as never;
      },
      resolve: ({ roleId }) => roleId as string,
    }),
    namespace: t.loadable({
      type: NamespaceType,
      nullable: true,
      description: 'Null: in the whole installation.',
      load: async (ids: string[], { services }) => {
        const rows = new Map((await services.namespaces.some(ids)).map((row) => [row.id, row]));
        return ids.map((id) => rows.get(id) ?? null) as never;
      },
      resolve: ({ namespaceId }) => namespaceId as string,
    }),
  }),
});

builder.prismaObjectFields(UserNode, (t) => ({
  roles: t.loadableList({
    type: GrantedRole,
    description: 'Their own and those of their groups. Empty for whoever may not see all users, but for their own.',
    load: async (ids: string[], { db }) => {
      const grants = await readGrantsOf(db, ids);
      return ids.map((id) => grants.get(id) ?? []);
    },
    resolve: ({ id }, _args, { actor }) => (may(actor, 'user.read', { ownerId: id }) ? id : ''),
  }),
}));

export const RoleGrantInput = builder.inputType('RoleGrantInput', {
  description: 'One of systemRole, role and custom.',
  fields: (t) => ({
    systemRole: t.field({ type: SystemRoleEnum }),
    role: t.field({ type: NamespaceRoleEnum }),
    custom: t.id({ description: 'Of a role that people made.' }),
    namespace: t.id({
      description: 'The default one when left out. Says nothing for a role of the whole installation.',
    }),
  }),
});

const RoleInput = builder.inputType('RoleInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    description: t.string(),
    scope: t.field({ type: RoleScopeEnum, required: true }),
    permissions: t.stringList({ required: true, description: 'Names; the query `permissions` lists them.' }),
  }),
});

builder.queryFields((t) => ({
  permissions: t.field({
    type: [PermissionType],
    authScopes: { user: true },
    description: 'All that there are, each with what it lets its holder do.',
    resolve: () => Object.keys(PERMISSIONS) as Permission[],
  }),
  roles: t.prismaField({
    type: [RoleNode],
    authScopes: { user: true },
    description: 'Roles that people made, by name. For administrators and auditors.',
    resolve: (_query, _root, _args, { services, actor }) => services.roles.list(actor),
  }),
}));

/** The service says what is wrong with a permission; GraphQL would only know that it is a string. */
function roleInput(input: typeof RoleInput.$inferInput) {
  return { ...input, permissions: input.permissions as Permission[] };
}

builder.mutationFields((t) => {
  const input = t.arg({ type: RoleInput, required: true });
  const id = t.arg.id({ required: true });
  return {
    createRole: t.prismaField({
      type: RoleNode,
      ...refusals('NAME_TAKEN', 'QUOTA_EXCEEDED'),
      description: 'From permissions that the caller holds.',
      args: { input },
      resolve: (_query, _root, { input }, { services, actor }) =>
        services.roles.create(asUser(actor), roleInput(input)),
    }),
    updateRole: t.prismaField({
      type: RoleNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'WRONG_STATE'),
      description: 'Reaches everybody who has it within seconds.',
      args: { id, input },
      resolve: (_query, _root, { id, input }, { services, actor }) =>
        services.roles.update(asUser(actor), id, roleInput(input)),
    }),
    deleteRole: t.prismaField({
      type: RoleNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Refused while anybody has it.',
      args: { id },
      resolve: (_query, _root, { id }, { services, actor }) => services.roles.delete(asUser(actor), id),
    }),
  };
});
