import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { RequestContext } from '../context.ts';
import type { Db } from '../db.ts';
import type { Prisma, User } from '../generated/prisma/client.ts';
import { LanguageEnum } from '../mail/language.graphql.ts';
import { languageOf } from '../mail/language.ts';
import { may } from '../rights/may.ts';
import { holds } from '../rights/rights.ts';
import {
  ALL_PERMISSIONS,
  isNamespaceRole,
  NAMESPACE_ROLES,
  type NamespaceRole,
  SYSTEM_ROLES,
  type SystemRole,
} from '../rights/roles.ts';
import type { UserRow } from './user-row.ts';

const USER_KINDS = ['person', 'service'] as const;
export const UserKindEnum = builder.enumType('UserKind', { values: USER_KINDS });
export const SystemRoleEnum = builder.enumType('SystemRole', {
  description: 'For the whole installation.',
  values: Object.keys(SYSTEM_ROLES) as SystemRole[],
});
export const NamespaceRoleEnum = builder.enumType('NamespaceRole', {
  description: 'In a namespace.',
  values: Object.keys(NAMESPACE_ROLES) as NamespaceRole[],
});

type Query = Pick<Prisma.UserFindUniqueOrThrowArgs, 'include' | 'select'>;

/** The row again, with all that was asked for with it. */
export function shown(db: Db, query: Query, { id }: UserRow): Promise<User> {
  return db.user.findUniqueOrThrow({ ...query, where: { id } } as Prisma.UserFindUniqueOrThrowArgs);
}

/** A group whose members are administrators. */
const ADMINISTERS = { group: { roles: { some: { role: 'administrator', namespaceId: null } } } };

/** Of others, one sees only who they are, unless one may see all users. */
const isShown = ({ id }: { id: string }, { actor }: RequestContext) => may(actor, 'user.read', { ownerId: id });

export const UserNode = builder.prismaNode('User', {
  id: { field: 'id' },
  // Of others one sees who owns what one may see; that is reached through the environment, not by id.
  findUnique: (id, { actor }) => ({ id: may(actor, 'user.read', { ownerId: id }) ? id : '' }),
  fields: (t) => ({
    login: t.exposeString('login'),
    name: t.exposeString('name'),
    kind: t.field({ type: UserKindEnum, resolve: ({ kind }) => (kind === 'service' ? 'service' : 'person') }),
    email: t.string({
      nullable: true,
      description: 'Null for whoever may not see all users, but for their own.',
      resolve: (user, _args, context) => (isShown(user, context) ? user.email : null),
    }),
    emailVerifiedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it was proved that mail to `email` reaches the user. Only such addresses are mailed or compared.',
      resolve: (user, _args, context) => (isShown(user, context) ? user.emailVerifiedAt : null),
    }),
    language: t.field({
      type: LanguageEnum,
      nullable: true,
      description: 'Of mails and notifications; null where none is chosen, and of others.',
      resolve: ({ id, language }, _args, { actor }) =>
        actor.kind === 'user' && actor.userId === id && language !== null ? languageOf(language) : null,
    }),
    isAdministrator: t.boolean({
      description: 'By a role of their own or by a group.',
      select: { memberships: { where: ADMINISTERS, select: { groupId: true }, take: 1 } },
      resolve: ({ isAdministrator, memberships }) => isAdministrator || memberships.length > 0,
    }),
    systemRole: t.field({
      type: SystemRoleEnum,
      nullable: true,
      resolve: (user, _args, context): SystemRole | null => {
        if (!isShown(user, context)) return null;
        return user.isAdministrator ? 'administrator' : user.isAuditor ? 'auditor' : null;
      },
    }),
    role: t.field({
      type: NamespaceRoleEnum,
      nullable: true,
      description: 'Of their own in this namespace, or in the default one; `roles` has all.',
      args: { namespace: t.arg.id() },
      select: { members: true },
      resolve: async (user, { namespace }, context) => {
        if (!isShown(user, context)) return null;
        const namespaceId = namespace ?? (await context.services.namespaces.defaultId());
        const role = user.members.find((member) => member.namespaceId === namespaceId)?.role ?? '';
        return isNamespaceRole(role) ? role : null;
      },
    }),
    permissions: t.stringList({
      description: 'What the roles of the caller grant in this namespace, or in any; empty for others.',
      args: { namespace: t.arg.id() },
      resolve: ({ id }, { namespace }, { actor }) => {
        if (actor.kind !== 'user' || actor.userId !== id) return [];
        const { rights } = actor;
        const places = namespace ? [namespace] : [null, ...Object.keys(rights.inNamespace)];
        return ALL_PERMISSIONS.filter((name) => places.some((place) => holds(rights, name, place)));
      },
    }),
    hasPassword: t.boolean({ resolve: (user, _args, context) => isShown(user, context) && user.passwordHash !== null }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: (user, _args, context) => (isShown(user, context) ? user.disabledAt : null),
    }),
  }),
});

builder.queryField('me', (t) =>
  t.prismaField({
    type: UserNode,
    nullable: true,
    description: 'The signed-in user; null for nobody and for computing platforms.',
    resolve: (query, _root, _args, { actor, db }) =>
      actor.kind === 'user' ? db.user.findUnique({ ...query, where: { id: actor.userId } }) : null,
  }),
);

const SetPasswordInput = builder.inputType('SetPasswordInput', {
  fields: (t) => ({
    current: t.string({ description: 'The present password, if there is one.' }),
    password: t.string({ required: true }),
  }),
});

builder.mutationField('setPassword', (t) =>
  t.prismaField({
    type: UserNode,
    ...refusals('PROOF_NEEDED'),
    description:
      'Signs out everywhere else. A first password, and that of whoever has a second factor, takes fresh proof.',
    args: { input: t.arg({ type: SetPasswordInput, required: true }) },
    resolve: async (query, _root, { input }, { services, actor, db, renewSession }) => {
      const user = await services.users.setPassword(asUser(actor), input);
      await renewSession?.();
      return shown(db, query, user);
    },
  }),
);
