import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { SignInModule } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';
import { NamespaceRoleEnum } from '../user/user.graphql.ts';
import { moduleSettingsSchema, roleOf } from './module-settings.ts';

const settingsOf = ({ settings }: SignInModule) => moduleSettingsSchema.parse(settings);

const SignInModuleNode = builder.prismaNode('SignInModule', {
  id: { field: 'id' },
  authScopes: (_module, { actor }) => may(actor, 'user.read'),
  fields: (t) => ({
    name: t.exposeString('name'),
    isEnabled: t.exposeBoolean('isEnabled'),
    issuer: t.string({ resolve: (module) => settingsOf(module).issuer }),
    clientId: t.string({ resolve: (module) => settingsOf(module).clientId }),
    scopes: t.stringList({ resolve: (module) => settingsOf(module).scopes }),
    mayRegister: t.boolean({ resolve: (module) => settingsOf(module).mayRegister }),
    allowedDomains: t.stringList({ resolve: (module) => settingsOf(module).allowedDomains }),
    trustsEmail: t.boolean({ resolve: (module) => settingsOf(module).trustsEmail }),
    role: t.field({
      type: NamespaceRoleEnum,
      nullable: true,
      description: 'Of whoever registers.',
      resolve: (module) => roleOf(settingsOf(module)),
    }),
    callbackPath: t.string({
      description: 'What the provider is to be told as redirect URI, after the address of this server.',
      resolve: ({ id }) => `/auth/oidc/${id}/callback`,
    }),
  }),
});

const SignInModuleInput = builder.inputType('SignInModuleInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'On the button of the sign-in page.' }),
    isEnabled: t.boolean(),
    issuer: t.string({ required: true }),
    clientId: t.string({ required: true }),
    clientSecret: t.string({ description: 'Left out, the present one stays; never told again.' }),
    scopes: t.stringList({ description: 'Besides `openid`; `profile` and `email` when left out.' }),
    mayRegister: t.boolean({ description: 'Whoever has no user yet gets one.' }),
    allowedDomains: t.stringList({ description: 'Of verified e-mail addresses; empty: any account of the provider.' }),
    trustsEmail: t.boolean({ description: 'A verified address that a user has already means that user.' }),
    role: t.field({ type: NamespaceRoleEnum, description: 'Of whoever registers; none when left out.' }),
  }),
});

function moduleInput(input: typeof SignInModuleInput.$inferInput) {
  const { name, isEnabled, clientSecret, scopes, mayRegister, allowedDomains, trustsEmail, role, ...plain } = input;
  const settings = {
    ...plain,
    role: role ?? null,
    scopes: scopes ?? undefined,
    mayRegister: mayRegister ?? undefined,
    allowedDomains: allowedDomains ?? undefined,
    trustsEmail: trustsEmail ?? undefined,
  };
  return { name, isEnabled: isEnabled ?? undefined, clientSecret: clientSecret ?? null, settings };
}

builder.queryField('signInModules', (t) =>
  t.prismaField({
    type: [SignInModuleNode],
    authScopes: { user: true },
    description: 'Ways of signing in besides the password. For administrators and auditors.',
    resolve: (_query, _root, _args, { services, actor }) => services.signInModules.list(actor),
  }),
);

builder.mutationFields((t) => {
  const input = t.arg({ type: SignInModuleInput, required: true });
  const id = t.arg.id({ required: true });
  return {
    createSignInModule: t.prismaField({
      type: SignInModuleNode,
      ...refusals('NAME_TAKEN', 'QUOTA_EXCEEDED'),
      args: { input },
      resolve: (_query, _root, { input }, { services, actor }) =>
        services.signInModules.create(asUser(actor), moduleInput(input)),
    }),
    updateSignInModule: t.prismaField({
      type: SignInModuleNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'WRONG_STATE'),
      args: { id, input },
      resolve: (_query, _root, { id, input }, { services, actor }) =>
        services.signInModules.update(asUser(actor), id, moduleInput(input)),
    }),
    deleteSignInModule: t.prismaField({
      type: SignInModuleNode,
      ...refusals('NOT_FOUND'),
      description: 'Users keep whatever other ways in they have.',
      args: { id },
      resolve: (_query, _root, { id }, { services, actor }) => services.signInModules.delete(asUser(actor), id),
    }),
  };
});
