import { isId } from '@easel/schema/ids';
import { asUser, notFound } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { Passkey } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';
import { mustBeProved, provedUntil } from '../user/proof.ts';
import { SystemRoleEnum, shown, UserNode } from '../user/user.graphql.ts';
import type { FactorPolicy } from './factor-policy.service.ts';
import type { Factors } from './second-factor.service.ts';

const PasskeyType = builder.objectRef<Passkey>('Passkey').implement({
  description: 'A WebAuthn credential: signs in alone, and is a second factor.',
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    isSynced: t.exposeBoolean('isSynced', { description: 'Its provider copies it to other devices of its owner.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

const AuthenticatorApp = builder.objectRef<NonNullable<Factors['totp']>>('AuthenticatorApp').implement({
  description: 'Makes time-based one-time codes (RFC 6238).',
  fields: (t) => ({
    createdAt: t.expose('createdAt', { type: 'DateTime', nullable: true }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true }),
  }),
});

const SecondFactors = builder.objectRef<Factors>('SecondFactors').implement({
  fields: (t) => ({
    authenticatorApp: t.field({ type: AuthenticatorApp, nullable: true, resolve: ({ totp }) => totp }),
    passkeys: t.field({ type: [PasskeyType], resolve: ({ passkeys }) => passkeys }),
    recoveryCodesLeft: t.exposeInt('recoveryCodesLeft'),
    isRequired: t.exposeBoolean('isRequired', { description: 'The last one cannot be removed.' }),
    provedUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until then the session needs no fresh proof; null when it needs one now.',
      resolve: (_factors, _args, { actor }) => provedUntil(actor, Date.now()),
    }),
  }),
});

const SecondFactorPolicy = builder.objectRef<FactorPolicy>('SecondFactorPolicy').implement({
  description: 'Who must have a second factor to sign in with a password.',
  fields: (t) => ({
    isRequired: t.exposeBoolean('isRequired', { description: 'Of everybody.' }),
    requiredRoles: t.field({ type: [SystemRoleEnum], resolve: ({ requiredRoles }) => requiredRoles }),
  }),
});

const SecondFactorPolicyInput = builder.inputType('SecondFactorPolicyInput', {
  fields: (t) => ({
    isRequired: t.boolean({ required: true }),
    requiredRoles: t.field({ type: [SystemRoleEnum], required: true }),
  }),
});

const NewRecoveryCodes = builder.objectRef<{ recoveryCodes: string[] }>('NewRecoveryCodes').implement({
  fields: (t) => ({
    recoveryCodes: t.exposeStringList('recoveryCodes', { description: 'Shown this once. Each stands in once.' }),
  }),
});

builder.prismaObjectFields(UserNode, (t) => ({
  hasSecondFactor: t.boolean({
    description: 'An authenticator app or a passkey. False for whoever may not see all users, but for their own.',
    select: { totpFactor: { select: { sealedSecret: true } }, passkeys: { take: 1, select: { id: true } } },
    resolve: ({ id, totpFactor, passkeys }, _args, { actor }) =>
      may(actor, 'user.read', { ownerId: id }) && (Boolean(totpFactor?.sealedSecret) || passkeys.length > 0),
  }),
}));

builder.queryFields((t) => ({
  secondFactors: t.field({
    type: SecondFactors,
    authScopes: { user: true },
    description: 'The caller’s own.',
    resolve: (_root, _args, { services, actor }) => services.factors.list(actor),
  }),
  secondFactorPolicy: t.field({
    type: SecondFactorPolicy,
    resolve: (_root, _args, { services, actor }) => services.factorPolicy.show(actor),
  }),
}));

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  return {
    removeAuthenticatorApp: t.field({
      type: SecondFactors,
      ...refusals('NOT_FOUND', 'WRONG_STATE', 'PROOF_NEEDED'),
      resolve: async (_root, _args, { services, actor, renewSession }) => {
        mustBeProved(actor, Date.now());
        await services.factors.removeTotp(asUser(actor).userId);
        await renewSession?.();
        return services.factors.list(actor);
      },
    }),
    removePasskey: t.field({
      type: SecondFactors,
      ...refusals('NOT_FOUND', 'WRONG_STATE', 'PROOF_NEEDED'),
      args: { id },
      resolve: async (_root, { id }, { services, actor, renewSession }) => {
        mustBeProved(actor, Date.now());
        await services.factors.removePasskey(asUser(actor).userId, id);
        await renewSession?.();
        return services.factors.list(actor);
      },
    }),
    renamePasskey: t.field({
      type: SecondFactors,
      ...refusals('NOT_FOUND'),
      args: { id, name: t.arg.string({ required: true }) },
      resolve: async (_root, { id, name }, { services, actor }) => {
        await services.factors.renamePasskey(asUser(actor).userId, id, name);
        return services.factors.list(actor);
      },
    }),
    createRecoveryCodes: t.field({
      type: NewRecoveryCodes,
      ...refusals('WRONG_STATE', 'PROOF_NEEDED'),
      description: 'Ten new ones; the former are good for nothing any more.',
      resolve: async (_root, _args, { services, actor }) => {
        mustBeProved(actor, Date.now());
        return { recoveryCodes: await services.factors.newRecoveryCodes(asUser(actor).userId) };
      },
    }),
    resetSecondFactors: t.prismaField({
      type: UserNode,
      ...refusals('NOT_FOUND'),
      description: 'For somebody who has lost them: removes them all, and signs the user out everywhere.',
      args: { id },
      resolve: async (query, _root, { id }, { services, actor, db }) => {
        const user = asUser(actor);
        if (!isId('user', id)) throw notFound('user');
        return shown(db, query, await services.factors.reset(user, id));
      },
    }),
    setSecondFactorPolicy: t.field({
      type: SecondFactorPolicy,
      ...refusals('WRONG_STATE'),
      description: 'Ends the sessions of those who must have a second factor now and have none.',
      args: { input: t.arg({ type: SecondFactorPolicyInput, required: true }) },
      resolve: (_root, { input }, { services, actor }) => services.factorPolicy.set(asUser(actor), input),
    }),
  };
});
