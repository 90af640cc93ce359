import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { ClientCredential } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';
import type { ScopeWord } from '../rights/scopes.ts';

const ClientCredentialNode = builder.prismaNode('ClientCredential', {
  id: { field: 'id' },
  description: 'What a service account proves itself with at the token endpoint.',
  authScopes: (_credential, { actor }) => may(actor, 'user.change'),
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.exposeString('kind', { description: '`secret`, or `key` for private_key_jwt.' }),
    prefix: t.exposeString('prefix', { description: 'Of a secret: the first characters.' }),
    scopes: t.stringList({
      nullable: true,
      description: 'The most that its tokens may; null: all that the account may.',
      resolve: ({ scopes }) => scopes as ScopeWord[] | null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
    lastUsedAddress: t.exposeString('lastUsedAddress', { nullable: true }),
  }),
});

const CreatedClientCredential = builder
  .objectRef<{ secret: string | null; credential: ClientCredential }>('CreatedClientCredential')
  .implement({
    fields: (t) => ({
      secret: t.exposeString('secret', { nullable: true, description: 'Shown this once; null for a key.' }),
      credential: t.expose('credential', { type: ClientCredentialNode }),
    }),
  });

const CreateClientCredentialInput = builder.inputType('CreateClientCredentialInput', {
  fields: (t) => ({
    owner: t.id({ required: true, description: 'Id of a service account: the client.' }),
    name: t.string({ required: true }),
    expiresAt: t.field({ type: 'DateTime' }),
    scopes: t.stringList({ description: 'Of `apiTokenPolicy`. Left out: all that the account may.' }),
    publicJwk: t.field({
      type: 'JSON',
      description: 'A public key (RFC 7517) with `alg`; without it a secret is made.',
    }),
  }),
});

builder.queryField('clientCredentials', (t) =>
  t.prismaField({
    type: [ClientCredentialNode],
    authScopes: { user: true },
    args: { owner: t.arg.id({ required: true, description: 'Id of a service account.' }) },
    resolve: (_query, _root, { owner }, { services, actor }) => services.clientCredentials.list(actor, owner),
  }),
);

builder.mutationFields((t) => ({
  createClientCredential: t.field({
    type: CreatedClientCredential,
    ...refusals('NOT_FOUND', 'QUOTA_EXCEEDED'),
    args: { input: t.arg({ type: CreateClientCredentialInput, required: true }) },
    resolve: (_root, { input: { scopes, publicJwk, ...input } }, { services, actor }) =>
      services.clientCredentials.create(asUser(actor), {
        ...input,
        scopes: scopes as ScopeWord[] | null | undefined,
        publicJwk: publicJwk as never,
      }),
  }),
  revokeClientCredential: t.prismaField({
    type: ClientCredentialNode,
    ...refusals('NOT_FOUND'),
    description: 'Ends the tokens too that were given for it.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_query, _root, { id }, { services, actor }) => services.clientCredentials.revoke(asUser(actor), id),
  }),
}));
