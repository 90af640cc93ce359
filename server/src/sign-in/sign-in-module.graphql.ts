import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import { may } from '../rights/may.ts';
import { NamespaceRoleEnum } from '../user/user.graphql.ts';
import { LdapModuleInput, LdapModuleObject, SignInCheckObject } from './ldap-module.graphql.ts';
import {
  kindOf,
  type ModuleSettingsInput,
  ofKind,
  roleOf,
  SIGN_IN_KINDS,
  type SignInKind,
  settingsOf,
} from './module-settings.ts';
import { SamlModuleInput, SamlModuleObject, samlModuleOf, samlSettingsOf } from './saml-module.graphql.ts';

const SignInKindEnum = builder.enumType('SignInKind', {
  description: 'How a provider is spoken with.',
  values: SIGN_IN_KINDS,
});

export const SignInModuleNode = builder.prismaNode('SignInModule', {
  id: { field: 'id' },
  authScopes: (_module, { actor }) => may(actor, 'user.read'),
  fields: (t) => ({
    kind: t.field({ type: SignInKindEnum, resolve: (module) => settingsOf(module).kind }),
    name: t.exposeString('name'),
    isEnabled: t.exposeBoolean('isEnabled'),
    issuer: t.string({
      description: 'Where the provider is: its issuer, entity id or address.',
      resolve: (module) => {
        const settings = settingsOf(module);
        return kindOf(settings).addressOf(settings);
      },
    }),
    clientId: t.string({
      nullable: true,
      description: 'Null where providers of this kind give none.',
      resolve: (module) => {
        const settings = settingsOf(module);
        return 'clientId' in settings ? settings.clientId : null;
      },
    }),
    scopes: t.stringList({ resolve: (module) => ofKind(module, 'oidc')?.scopes ?? [] }),
    groupsClaim: t.string({ nullable: true, resolve: (module) => ofKind(module, 'oidc')?.groupsClaim ?? null }),
    allowedOrganisations: t.stringList({
      description: 'Of `github`: members of one of these alone, as organisation or organisation/team.',
      resolve: (module) => ofKind(module, 'github')?.allowedOrganisations ?? [],
    }),
    ldap: t.field({ type: LdapModuleObject, nullable: true, resolve: (module) => ofKind(module, 'ldap') }),
    saml: t.field({ type: SamlModuleObject, nullable: true, resolve: samlModuleOf }),
    mayRegister: t.boolean({ resolve: (module) => settingsOf(module).mayRegister }),
    allowedDomains: t.stringList({ resolve: (module) => settingsOf(module).allowedDomains }),
    trustsEmail: t.boolean({ resolve: (module) => settingsOf(module).trustsEmail }),
    syncsGroups: t.boolean({ resolve: (module) => settingsOf(module).syncsGroups }),
    role: t.field({
      type: NamespaceRoleEnum,
      nullable: true,
      description: 'Of whoever registers.',
      resolve: (module) => roleOf(settingsOf(module)),
    }),
    callbackPath: t.string({
      nullable: true,
      description: 'What the provider is to be told as redirect URI, after the address of this server.',
      resolve: (module) => kindOf(settingsOf(module)).callbackPath(module.id),
    }),
  }),
});

const SignInModuleInput = builder.inputType('SignInModuleInput', {
  fields: (t) => ({
    kind: t.field({ type: SignInKindEnum, description: '`oidc` when left out. It stays as the module was made.' }),
    name: t.string({ required: true, description: 'On the button of the sign-in page.' }),
    isEnabled: t.boolean(),
    issuer: t.string({ description: 'For `oidc`; for `github` the address of an Enterprise server.' }),
    clientId: t.string({ description: 'For `oidc` and `github`.' }),
    clientSecret: t.string({ description: 'Left out, the present one stays; never told again.' }),
    scopes: t.stringList({ description: 'For `oidc`: besides `openid`; `profile` and `email` when left out.' }),
    groupsClaim: t.string({ description: 'For `oidc`: the claim that names groups; `groups` when left out.' }),
    allowedOrganisations: t.stringList({
      description: 'For `github`: members of one of these alone; organisation or organisation/team.',
    }),
    ldap: t.field({ type: LdapModuleInput, description: 'For `ldap`.' }),
    saml: t.field({ type: SamlModuleInput, description: 'For `saml`.' }),
    mayRegister: t.boolean({ description: 'Whoever has no user yet gets one.' }),
    allowedDomains: t.stringList({ description: 'Of verified e-mail addresses; empty: any account of the provider.' }),
    trustsEmail: t.boolean({ description: 'A verified address that a user has already means that user.' }),
    syncsGroups: t.boolean({
      description:
        'At each sign-in, membership in the groups that belong to this module becomes what the provider says; true when left out.',
    }),
    role: t.field({ type: NamespaceRoleEnum, description: 'Of whoever registers; none when left out.' }),
  }),
});

type ModuleInput = typeof SignInModuleInput.$inferInput;

/** What each kind makes of the input, besides what all have; the schema of the kind parses it. */
const SETTINGS: Record<SignInKind, (input: ModuleInput) => { settings: object; secret: string | null }> = {
  oidc: ({ issuer, clientId, clientSecret, scopes, groupsClaim }) => ({
    settings: { issuer, clientId, scopes, groupsClaim },
    secret: clientSecret ?? null,
  }),
  github: ({ issuer, clientId, clientSecret, allowedOrganisations }) => ({
    settings: { url: issuer || null, clientId, allowedOrganisations },
    secret: clientSecret ?? null,
  }),
  ldap: ({ ldap }) => {
    const { bindPassword, ...settings } = ldap ?? { bindPassword: null };
    return { settings, secret: bindPassword || null };
  },
  saml: ({ saml }) => ({ settings: samlSettingsOf(saml), secret: null }),
};

function moduleInput(input: ModuleInput) {
  const { name, isEnabled, mayRegister, allowedDomains, trustsEmail, syncsGroups, role } = input;
  const kind = input.kind ?? 'oidc';
  const { settings, secret } = SETTINGS[kind](input);
  const common = { kind, mayRegister, allowedDomains, trustsEmail, syncsGroups };
  return {
    name,
    isEnabled: isEnabled ?? undefined,
    secret,
    // Left out and null are the same in the API; here the default takes the place of either.
    settings: { ...withoutNull({ ...common, ...settings }), role: role ?? null } as ModuleSettingsInput,
  };
}

function withoutNull(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
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
    moveSignInModule: t.prismaField({
      type: SignInModuleNode,
      ...refusals('NOT_FOUND'),
      description: 'Its place on the sign-in page, 0 for the first. Directories are asked in this order too.',
      args: { id, position: t.arg.int({ required: true }) },
      resolve: (_query, _root, { id, position }, { services, actor }) =>
        services.signInModules.move(asUser(actor), id, position),
    }),
    checkSignInModule: t.field({
      type: SignInCheckObject,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Asks a directory, as a sign-in would. It changes nothing.',
      args: { id, login: t.arg.string({ description: 'Somebody to look for there, without a password.' }) },
      resolve: async (_root, { id, login }, { services, actor }) => ({
        steps: await services.signInModules.check(asUser(actor), id, login ?? null),
      }),
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
