import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';

const SshKeyNode = builder.prismaNode('SshKey', {
  id: { field: 'id' },
  authScopes: ({ userId }, { actor }) => actor.kind === 'user' && actor.userId === userId,
  fields: (t) => ({
    name: t.exposeString('name'),
    fingerprint: t.exposeString('fingerprint'),
    algorithm: t.exposeString('algorithm'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'From then on it enters nothing, and what came in by it is cut.',
    }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
    lastUsedFrom: t.exposeString('lastUsedFrom', { nullable: true, description: 'The address.' }),
    verifyRequired: t.exposeBoolean('verifyRequired', {
      description: 'Of a security key: counts only when it has asked for a PIN or a finger.',
    }),
  }),
});

const AddSshKeyInput = builder.inputType('AddSshKeyInput', {
  fields: (t) => ({
    name: t.string({ description: "Without one, the key's own comment." }),
    publicKey: t.string({ required: true, description: 'One line, as in ~/.ssh/id_ed25519.pub.' }),
    expiresAt: t.field({ type: 'DateTime' }),
    verifyRequired: t.boolean({
      description: 'For security keys (sk-…): only with a PIN or a finger. Make such a key with `-O verify-required`.',
    }),
  }),
});

builder.queryField('sshKeys', (t) =>
  t.prismaField({
    type: [SshKeyNode],
    authScopes: { user: true },
    resolve: (_query, _root, _args, { services, actor }) => services.sshKeys.list(actor),
  }),
);

builder.mutationFields((t) => ({
  addSshKey: t.prismaField({
    type: SshKeyNode,
    ...refusals('NAME_TAKEN', 'QUOTA_EXCEEDED'),
    args: { input: t.arg({ type: AddSshKeyInput, required: true }) },
    resolve: (_query, _root, { input }, { services, actor }) => services.sshKeys.add(asUser(actor), input),
  }),
  removeSshKey: t.prismaField({
    type: SshKeyNode,
    ...refusals('NOT_FOUND'),
    args: { id: t.arg.id({ required: true }) },
    resolve: (_query, _root, { id }, { services, actor }) => services.sshKeys.remove(asUser(actor), id),
  }),
}));
