import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { Db } from '../db.ts';
import type { Invitation, Prisma } from '../generated/prisma/client.ts';
import { NamespaceType } from '../namespace/namespace.graphql.ts';
import { may } from '../rights/may.ts';
import { isNamespaceRole, isSystemRole } from '../rights/roles.ts';
import { NamespaceRoleEnum, SystemRoleEnum } from './user.graphql.ts';

type Query = Pick<Prisma.InvitationFindUniqueOrThrowArgs, 'include' | 'select'>;

/** The row again, with all that was asked for with it. */
function shown(db: Db, query: Query, { id }: Invitation): Promise<Invitation> {
  return db.invitation.findUniqueOrThrow({ ...query, where: { id } } as Prisma.InvitationFindUniqueOrThrowArgs);
}

export const InvitationNode = builder.prismaNode('Invitation', {
  id: { field: 'id' },
  authScopes: (_invitation, { actor }) => may(actor, 'user.read'),
  fields: (t) => ({
    name: t.exposeString('name'),
    email: t.exposeString('email', { nullable: true }),
    systemRole: t.field({
      type: SystemRoleEnum,
      nullable: true,
      resolve: ({ systemRole }) => (systemRole !== null && isSystemRole(systemRole) ? systemRole : null),
    }),
    role: t.field({
      type: NamespaceRoleEnum,
      nullable: true,
      resolve: ({ role }) => (role !== null && isNamespaceRole(role) ? role : null),
    }),
    namespace: t.field({
      type: NamespaceType,
      nullable: true,
      description: 'Where the role is meant. Null when it was deleted since.',
      resolve: async ({ namespaceId }, _args, { services }) => {
        const id = namespaceId ?? (await services.namespaces.defaultId());
        const [row] = await services.namespaces.some([id]);
        return row?.deletedAt ? null : row;
      },
    }),
    invitedBy: t.string({
      select: { invitedBy: { select: { name: true } } },
      resolve: ({ invitedBy }) => invitedBy.name,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
  }),
});

const CreatedInvitation = builder
  .objectRef<{ invitation: Invitation; code: string; isMailed: boolean }>('CreatedInvitation')
  .implement({
    fields: (t) => ({
      joinPath: t.string({
        description: 'Where its holder becomes a user, once. Shown this once; only a hash is stored.',
        resolve: ({ code }) => `/join?code=${code}`,
      }),
      isMailed: t.exposeBoolean('isMailed', { description: 'A link was mailed to the address, too.' }),
      invitation: t.prismaField({
        type: InvitationNode,
        resolve: (query, { invitation }, _args, { db }) => shown(db, query, invitation),
      }),
    }),
  });

const CreateInvitationInput = builder.inputType('CreateInvitationInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'Who it is meant for.' }),
    email: t.string(),
    systemRole: t.field({ type: SystemRoleEnum }),
    role: t.field({ type: NamespaceRoleEnum }),
    namespace: t.id({ description: 'Where `role` is meant, by id or name; the default one when left out.' }),
    groups: t.idList({ description: 'Groups that whoever joins is put into.' }),
    lifetimeHours: t.int({ description: '168 when left out.' }),
  }),
});

builder.queryField('invitations', (t) =>
  t.prismaField({
    type: [InvitationNode],
    authScopes: { user: true },
    description: 'Those that can still be used, newest first. For administrators and auditors.',
    resolve: async (query, _root, _args, { services, actor, db }) => {
      const ids = (await services.invitations.list(actor)).map(({ id }) => id);
      return db.invitation.findMany({ ...query, where: { id: { in: ids } }, orderBy: { id: 'desc' } });
    },
  }),
);

builder.mutationFields((t) => ({
  createInvitation: t.field({
    type: CreatedInvitation,
    ...refusals('QUOTA_EXCEEDED'),
    args: { input: t.arg({ type: CreateInvitationInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.invitations.create(asUser(actor), input),
  }),
  withdrawInvitation: t.prismaField({
    type: InvitationNode,
    ...refusals('NOT_FOUND'),
    args: { id: t.arg.id({ required: true }) },
    resolve: async (query, _root, { id }, { services, actor, db }) =>
      shown(db, query, await services.invitations.withdraw(asUser(actor), id)),
  }),
}));
