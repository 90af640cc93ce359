import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { ApiToken } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';

const ApiTokenNode = builder.prismaNode('ApiToken', {
  id: { field: 'id' },
  authScopes: ({ userId: ownerId }, { actor }) => may(actor, 'apiToken.revoke', { ownerId }),
  fields: (t) => ({
    name: t.exposeString('name'),
    prefix: t.exposeString('prefix', { description: 'The first characters, to tell tokens apart.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

const CreatedApiToken = builder.objectRef<{ token: string; apiToken: ApiToken }>('CreatedApiToken').implement({
  fields: (t) => ({
    token: t.exposeString('token', { description: 'Shown this once; only its hash is stored.' }),
    apiToken: t.expose('apiToken', { type: ApiTokenNode }),
  }),
});

const CreateApiTokenInput = builder.inputType('CreateApiTokenInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    owner: t.id({ description: 'Id of a service account; left out, the token is the caller’s own.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'Without it the token is good until it is revoked.' }),
  }),
});

builder.queryField('apiTokens', (t) =>
  t.prismaField({
    type: [ApiTokenNode],
    authScopes: { user: true },
    args: { owner: t.arg.id({ description: 'Id of a service account; left out, the caller’s own.' }) },
    resolve: (_query, _root, { owner }, { services, actor }) => services.apiTokens.list(actor, owner ?? null),
  }),
);

builder.mutationFields((t) => ({
  createApiToken: t.field({
    type: CreatedApiToken,
    ...refusals('NOT_FOUND', 'QUOTA_EXCEEDED'),
    args: { input: t.arg({ type: CreateApiTokenInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.apiTokens.create(asUser(actor), input),
  }),
  revokeApiToken: t.prismaField({
    type: ApiTokenNode,
    ...refusals('NOT_FOUND'),
    args: { id: t.arg.id({ required: true }) },
    resolve: (_query, _root, { id }, { services, actor }) => services.apiTokens.revoke(asUser(actor), id),
  }),
}));
