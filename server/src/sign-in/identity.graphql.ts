import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { LinkedAccountRow } from './identity.service.ts';

const LinkedAccount = builder.objectRef<LinkedAccountRow>('LinkedAccount').implement({
  description: 'An account of a provider that a user signs in by.',
  fields: (t) => ({
    module: t.string({ description: 'Id of the sign-in module.', resolve: ({ moduleId }) => moduleId }),
    moduleName: t.string({ resolve: ({ module }) => module.name }),
    subject: t.exposeString('subject', { description: 'The provider’s own id of the account.' }),
    email: t.exposeString('email', { nullable: true, description: 'As the provider gave it the last time.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

const LinkStart = builder.objectRef<{ path: string }>('LinkStart').implement({
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where the browser goes within a minute, still signed in.' }),
  }),
});

builder.queryField('linkedAccounts', (t) =>
  t.field({
    type: [LinkedAccount],
    authScopes: { user: true },
    args: { user: t.arg.id({ description: 'Somebody else, for administrators and auditors.' }) },
    resolve: (_root, { user }, { services, actor }) => services.identities.list(actor, user ?? null),
  }),
);

builder.mutationFields((t) => ({
  linkAccount: t.field({
    type: LinkStart,
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'Begins to link an account of this sign-in module; the person signs in there anew.',
    args: { module: t.arg.id({ required: true }) },
    resolve: async (_root, { module }, { services, actor }) => ({
      path: await services.accountLinks.path(asUser(actor), module),
    }),
  }),
  linkDirectoryAccount: t.field({
    type: [LinkedAccount],
    ...refusals('NOT_FOUND', 'RATE_LIMITED', 'WRONG_STATE'),
    description: 'Links an account of an LDAP directory by its login and password there. Gives all of the caller.',
    args: {
      module: t.arg.id({ required: true }),
      login: t.arg.string({ required: true }),
      password: t.arg.string({ required: true }),
    },
    resolve: async (_root, { module, login, password }, { services, actor, address }) => {
      const from = { address: address ?? '', userAgent: null };
      await services.ldapSignIn.link(asUser(actor), module, { login, password, from });
      return services.identities.list(actor, null);
    },
  }),
  unlinkAccount: t.field({
    type: LinkedAccount,
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'Sessions that came by it end. Nobody unlinks his own last way in.',
    args: {
      module: t.arg.id({ required: true }),
      subject: t.arg.string({ required: true }),
      user: t.arg.id({ description: 'Whose it is, for administrators.' }),
    },
    resolve: (_root, { module, subject, user }, { services, actor }) =>
      services.identities.unlink(actor, { moduleId: module, subject, userId: user ?? null }),
  }),
}));
