import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { ApiToken } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';
import { SCOPES, type ScopeInfo, type ScopeWord } from '../rights/scopes.ts';

const ApiTokenNode = builder.prismaNode('ApiToken', {
  id: { field: 'id' },
  authScopes: ({ userId: ownerId }, { actor }) => may(actor, 'apiToken.revoke', { ownerId }),
  fields: (t) => ({
    name: t.exposeString('name'),
    prefix: t.exposeString('prefix', { description: 'The first characters, to tell tokens apart.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
    lastUsedAddress: t.exposeString('lastUsedAddress', { nullable: true }),
    scopes: t.stringList({
      nullable: true,
      description: 'What it is for, of what its owner may; null: all of it.',
      resolve: ({ scopes }) => scopes as ScopeWord[] | null,
    }),
    rotatedFrom: t.id({
      nullable: true,
      description: 'The token whose secret it takes the place of, which is good until its own end.',
      resolve: ({ rotatedFromId }) => rotatedFromId,
    }),
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
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Without it the token is good until it is revoked, or as long as the installation allows.',
    }),
    scopes: t.stringList({ description: 'Of `apiTokenPolicy`. Left out, the token may all that its owner may.' }),
  }),
});

const ApiTokenScope = builder.objectRef<ScopeInfo>('ApiTokenScope').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description'),
    includes: t.exposeStringList('includes', { description: 'Of a set: the scopes that it stands for.' }),
  }),
});

const ApiTokenPolicy = builder.objectRef<{ maxDays: number }>('ApiTokenPolicy').implement({
  fields: (t) => ({
    maxDays: t.exposeInt('maxDays', { description: 'The longest life of a token; 0: without end.' }),
    scopes: t.field({ type: [ApiTokenScope], description: 'All there are; sets first.', resolve: () => [...SCOPES] }),
  }),
});

builder.queryField('apiTokenPolicy', (t) =>
  t.field({
    type: ApiTokenPolicy,
    authScopes: { user: true },
    resolve: (_root, _args, { services }) => services.apiTokens,
  }),
);

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
    resolve: (_root, { input: { scopes, ...input } }, { services, actor }) =>
      services.apiTokens.create(asUser(actor), { ...input, scopes: scopes as ScopeWord[] | null | undefined }),
  }),
  rotateApiToken: t.field({
    type: CreatedApiToken,
    ...refusals('NOT_FOUND', 'QUOTA_EXCEEDED'),
    description: 'A new secret in place of this one, which is good for some hours more: both are listed until then.',
    args: {
      id: t.arg.id({ required: true }),
      overlapHours: t.arg.int({ description: '0 ends the old one at once; 24 when left out.' }),
    },
    resolve: (_root, { id, overlapHours }, { services, actor }) =>
      services.apiTokens.rotate(asUser(actor), id, { overlapHours: overlapHours ?? undefined }),
  }),
  setApiTokenScopes: t.prismaField({
    type: ApiTokenNode,
    ...refusals('NOT_FOUND'),
    description: 'What is open by the token and is no longer its purpose is closed within seconds.',
    args: {
      id: t.arg.id({ required: true }),
      scopes: t.arg.stringList({ description: 'Null: all that the owner may.' }),
    },
    resolve: (_query, _root, { id, scopes }, { services, actor }) =>
      services.apiTokens.setScopes(asUser(actor), id, scopes ?? null),
  }),
  revokeApiToken: t.prismaField({
    type: ApiTokenNode,
    ...refusals('NOT_FOUND'),
    args: { id: t.arg.id({ required: true }) },
    resolve: (_query, _root, { id }, { services, actor }) => services.apiTokens.revoke(asUser(actor), id),
  }),
}));
