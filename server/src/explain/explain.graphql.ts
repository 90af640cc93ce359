import { builder } from '../api/builder.ts';
import { ACTS, type Act, may } from '../rights/may.ts';
import { PERMISSIONS } from '../rights/roles.ts';
import { GrantedRole } from '../role/role.graphql.ts';
import { UserNode } from '../user/user.graphql.ts';
import type { Explanation, PermissionSource } from './explain.service.ts';

const ActEnum = builder.enumType('Act', {
  description: 'What the rules of the house are about: environment_enter is SSH, ports and tickets.',
  values: Object.fromEntries(ACTS.map((act) => [act.replace('.', '_'), { value: act }])) as Record<
    string,
    { value: Act }
  >,
});

const PermissionSourceType = builder.objectRef<PermissionSource>('PermissionSource').implement({
  description: 'One permission by one way: the same permission may come by several.',
  fields: (t) => ({
    permission: t.exposeString('permission'),
    description: t.string({ resolve: ({ permission }) => PERMISSIONS[permission] }),
    role: t.field({ type: GrantedRole, resolve: ({ grant }) => grant }),
  }),
});

const AccessExplanation = builder.objectRef<Explanation>('AccessExplanation').implement({
  fields: (t) => ({
    isAllowed: t.exposeBoolean('isAllowed'),
    reason: t.exposeString('reason'),
    permission: t.exposeString('permission', { nullable: true, description: 'What it takes, where it takes one.' }),
    sources: t.field({
      type: [PermissionSourceType],
      description: 'Where they have that permission from, as far as it counts here.',
      resolve: ({ sources }) => sources,
    }),
  }),
});

builder.prismaObjectFields(UserNode, (t) => ({
  permissionSources: t.field({
    type: [PermissionSourceType],
    description:
      'Every permission with every way by which they have it. Empty for whoever may not see all users, but for their own.',
    resolve: ({ id }, _args, { services, actor }) =>
      may(actor, 'user.read', { ownerId: id }) ? services.explain.sources(actor, id) : [],
  }),
}));

builder.queryField('explainAccess', (t) =>
  t.field({
    type: AccessExplanation,
    authScopes: { user: true },
    description: 'May this user do this, and why: for whoever may see all users, and for oneself.',
    args: {
      user: t.arg.id({ required: true }),
      act: t.arg({ type: ActEnum, required: true }),
      thing: t.arg.id({ description: 'The id of an environment or template, where the act is done with one.' }),
    },
    resolve: (_root, { user, act, thing }, { services, actor }) =>
      services.explain.explain(actor, { userId: user, act, thingId: thing ?? null }),
  }),
);
