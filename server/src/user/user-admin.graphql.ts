import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import { mustMay } from '../rights/may.ts';
import { NamespaceRoleEnum, SystemRoleEnum, shown, UserKindEnum, UserNode } from './user.graphql.ts';
import { userStore } from './user.store.ts';
import type { UserRow } from './user-row.ts';

const CustomRoleInput = builder.inputType('CustomRoleInput', {
  fields: (t) => ({
    role: t.id({ required: true }),
    namespace: t.id({
      description: 'The default one when left out. Says nothing for a role of the whole installation.',
    }),
  }),
});
const RolesInput = builder.inputType('RolesInput', {
  fields: (t) => ({
    systemRole: t.field({ type: SystemRoleEnum, description: 'For the whole installation; none when left out.' }),
    role: t.field({ type: NamespaceRoleEnum, description: 'In the namespace; none when left out.' }),
    namespace: t.id({ description: 'Where `role` is meant, by id or name; the default one when left out.' }),
    custom: t.field({ type: [CustomRoleInput], description: 'Roles that people made; left out, those stay.' }),
  }),
});
const CreateServiceAccountInput = builder.inputType('CreateServiceAccountInput', {
  fields: (t) => ({
    login: t.string({ required: true }),
    name: t.string({ required: true }),
    systemRole: t.field({ type: SystemRoleEnum }),
    role: t.field({ type: NamespaceRoleEnum }),
    namespace: t.id({ description: 'Where `role` is meant, by id or name; the default one when left out.' }),
  }),
});

const PasswordReset = builder.objectRef<{ user: UserRow; code: string; isMailed: boolean }>('PasswordReset').implement({
  fields: (t) => ({
    user: t.prismaField({
      type: UserNode,
      resolve: (query, { user }, _args, { db }) => shown(db, query, user),
    }),
    signInPath: t.string({
      description: 'Signs the user in, once, within a day. Shown this once: give it to nobody else.',
      resolve: ({ code }) => `/sign-in?code=${code}`,
    }),
    isMailed: t.exposeBoolean('isMailed', {
      description: 'A link was mailed to the confirmed address of the user, too.',
    }),
  }),
});

builder.queryField('users', (t) =>
  t.prismaConnection(
    {
      type: UserNode,
      cursor: 'id',
      authScopes: (_root, _args, { actor }) => mustMay(actor, 'user.read'),
      description: 'Everybody, service accounts too, by name. For administrators and auditors.',
      args: {
        search: t.arg.string({ description: 'Part of the name, login or e-mail address.' }),
        kind: t.arg({ type: UserKindEnum }),
      },
      resolve: (query, _root, { search, kind }, { db }) =>
        userStore.page(db, query, { search: search?.slice(0, 100) ?? null, kind: kind ?? null }),
    },
    { name: 'UsersConnection' },
    { name: 'UsersEdge' },
  ),
);

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  return {
    setUserRoles: t.prismaField({
      type: UserNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Replaces the roles of their own. What the user has open is judged anew within seconds.',
      args: { id, roles: t.arg({ type: RolesInput, required: true }) },
      resolve: async (query, _root, { id, roles }, { services, actor, db }) =>
        shown(db, query, await services.userAdmin.setRoles(asUser(actor), id, roles)),
    }),
    setUserDisabled: t.prismaField({
      type: UserNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Ends what the user has open, within seconds. The environments stay as they are.',
      args: { id, isDisabled: t.arg.boolean({ required: true }) },
      resolve: async (query, _root, { id, isDisabled }, { services, actor, db }) =>
        shown(db, query, await services.userAdmin.setDisabled(asUser(actor), id, isDisabled)),
    }),
    createServiceAccount: t.prismaField({
      type: UserNode,
      ...refusals('NAME_TAKEN'),
      description: 'For automation: make API tokens for it with `createApiToken(input: { owner })`.',
      args: { input: t.arg({ type: CreateServiceAccountInput, required: true }) },
      resolve: async (query, _root, { input }, { services, actor, db }) =>
        shown(db, query, await services.userAdmin.createServiceAccount(asUser(actor), input)),
    }),
    resetUserPassword: t.field({
      type: PasswordReset,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Takes the password away and signs the user out everywhere.',
      args: { id },
      resolve: (_root, { id }, { services, actor }) => services.userAdmin.resetPassword(asUser(actor), id),
    }),
  };
});
