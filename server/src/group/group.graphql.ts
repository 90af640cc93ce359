import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { Db } from '../db.ts';
import type { Group, Prisma } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';
import { GrantedRole, RoleGrantInput } from '../role/role.graphql.ts';
import { SignInModuleNode } from '../sign-in/sign-in-module.graphql.ts';
import { InvitationNode } from '../user/invitation.graphql.ts';
import { UserNode } from '../user/user.graphql.ts';
import type { GroupRow } from './group.store.ts';

type Query = Pick<Prisma.GroupFindUniqueOrThrowArgs, 'include' | 'select'>;

/** The row again, with all that was asked for with it. */
function shown(db: Db, query: Query, { id }: GroupRow): Promise<Group> {
  return db.group.findUniqueOrThrow({ ...query, where: { id } } as Prisma.GroupFindUniqueOrThrowArgs);
}

export const GroupNode = builder.prismaNode('Group', {
  id: { field: 'id' },
  findUnique: (id, { actor }) => {
    if (may(actor, 'group.read')) return { id };
    return { id, members: { some: { userId: actor.kind === 'user' ? actor.userId : '' } } };
  },
  description: 'Whoever is in it sees that there is one; the rest is for those who may see all users.',
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    module: t.field({
      type: SignInModuleNode,
      nullable: true,
      description: 'Whose directory keeps it in step.',
      select: { module: true },
      resolve: ({ module }, _args, { actor }) => (may(actor, 'group.read') ? module : null),
    }),
    externalName: t.string({
      nullable: true,
      description: 'What the directory calls it.',
      resolve: ({ externalName }, _args, { actor }) => (may(actor, 'group.read') ? externalName : null),
    }),
    isProvisioned: t.exposeBoolean('isProvisioned', { description: 'A directory keeps it in step by SCIM.' }),
    roles: t.field({
      type: [GrantedRole],
      description: 'What its members get. Empty for whoever may not see all users.',
      resolve: ({ id }, _args, { actor, services }) =>
        may(actor, 'group.read') ? services.roles.grantsOf({ groupId: id as GroupRow['id'] }) : [],
    }),
    memberCount: t.int({
      nullable: true,
      description: 'Null for whoever may not see all users.',
      select: { _count: { select: { members: true } } },
      resolve: ({ _count }, _args, { actor }) => (may(actor, 'group.read') ? _count.members : null),
    }),
    members: t.prismaConnection(
      {
        type: UserNode,
        cursor: 'id',
        authScopes: (_group, _args, { actor }) => may(actor, 'group.read'),
        description: 'By name.',
        resolve: (query, { id }, _args, { db }) =>
          db.user.findMany({
            ...query,
            where: { memberships: { some: { groupId: id } } },
            orderBy: [{ name: 'asc' }, { id: 'asc' }],
          }),
      },
      { name: 'GroupMembersConnection' },
      { name: 'GroupMembersEdge' },
    ),
  }),
});

builder.objectField(GrantedRole, 'group', (t) =>
  t.loadable({
    type: GroupNode,
    nullable: true,
    description: 'The group by which it is had; null for a role of their own.',
    load: async (ids: string[], { db }) => {
      const rows = new Map((await db.group.findMany({ where: { id: { in: ids } } })).map((row) => [row.id, row]));
      return ids.map((id) => rows.get(id) ?? null) as never;
    },
    resolve: ({ groupId }) => groupId as string,
  }),
);

builder.prismaObjectFields(UserNode, (t) => ({
  groups: t.field({
    type: [GroupNode],
    description: 'By name. Empty for whoever may not see all users, but for their own.',
    select: { memberships: { include: { group: true }, orderBy: { group: { name: 'asc' } } } },
    resolve: ({ id, memberships }, _args, { actor }) =>
      may(actor, 'user.read', { ownerId: id }) ? memberships.map(({ group }) => group) : [],
  }),
}));

builder.prismaObjectFields(InvitationNode, (t) => ({
  groups: t.loadableList({
    type: GroupNode,
    description: 'What whoever joins is put into.',
    load: async (lists: readonly (readonly string[])[], { db }) => {
      const rows = await db.group.findMany({ where: { id: { in: lists.flat() } }, orderBy: { name: 'asc' } });
      return lists.map((ids) => rows.filter(({ id }) => ids.includes(id)));
    },
    resolve: ({ groupIds }) => groupIds,
  }),
}));

const GroupInput = builder.inputType('GroupInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    description: t.string(),
    module: t.id({ description: 'A sign-in module whose directory decides who is in it.' }),
    externalName: t.string({ description: 'What that directory calls it; upper and lower case are the same.' }),
    roles: t.field({ type: [RoleGrantInput], description: 'None when left out.' }),
  }),
});

builder.queryField('groups', (t) =>
  t.prismaConnection(
    {
      type: GroupNode,
      cursor: 'id',
      authScopes: { user: true },
      description: 'By name. For administrators and auditors.',
      args: { search: t.arg.string({ description: 'Part of the name, or of what its directory calls it.' }) },
      resolve: (query, _root, { search }, { services, actor }) =>
        services.groupAdmin.page(actor, query, search?.slice(0, 100) ?? null),
    },
    { name: 'GroupsConnection' },
    { name: 'GroupsEdge' },
  ),
);

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  const input = t.arg({ type: GroupInput, required: true });
  return {
    createGroup: t.prismaField({
      type: GroupNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'QUOTA_EXCEEDED'),
      args: { input },
      resolve: async (query, _root, { input }, { services, actor, db }) =>
        shown(db, query, await services.groupAdmin.create(asUser(actor), input)),
    }),
    updateGroup: t.prismaField({
      type: GroupNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'WRONG_STATE'),
      description: 'Replaces all but the members. What these have open is judged anew within seconds.',
      args: { id, input },
      resolve: async (query, _root, { id, input }, { services, actor, db }) =>
        shown(db, query, await services.groupAdmin.update(asUser(actor), id, input)),
    }),
    deleteGroup: t.field({
      type: GroupNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Its members lose what it gave.',
      args: { id },
      resolve: (_root, { id }, { services, actor }) => services.groupAdmin.delete(asUser(actor), id),
    }),
    changeGroupMembers: t.prismaField({
      type: GroupNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Refused for a group that a directory keeps in step.',
      args: { id, add: t.arg.idList(), remove: t.arg.idList() },
      resolve: async (query, _root, { id, add, remove }, { services, actor, db }) =>
        shown(db, query, await services.groupAdmin.changeMembers(asUser(actor), id, { add, remove })),
    }),
  };
});
