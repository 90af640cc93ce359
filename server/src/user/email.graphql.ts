import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import { LanguageEnum } from '../mail/language.graphql.ts';
import { shown, UserNode } from './user.graphql.ts';
import type { UserRow } from './user-row.ts';

const EmailChange = builder.objectRef<{ user: UserRow; isMailed: boolean }>('EmailChange').implement({
  fields: (t) => ({
    isMailed: t.exposeBoolean('isMailed', {
      description: 'A link went to the new address; it counts once that is opened.',
    }),
    user: t.prismaField({ type: UserNode, resolve: (query, { user }, _args, { db }) => shown(db, query, user) }),
  }),
});

const SetEmailInput = builder.inputType('SetEmailInput', {
  fields: (t) => ({
    email: t.string({ description: 'Left out, the present one is taken away.' }),
    password: t.string({ description: 'The present password, if there is one.' }),
  }),
});

builder.mutationFields((t) => ({
  setEmail: t.field({
    type: EmailChange,
    ...refusals('QUOTA_EXCEEDED', 'PROOF_NEEDED'),
    description: "The caller's own address. Only for a browser session.",
    args: { input: t.arg({ type: SetEmailInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.emails.set(asUser(actor), input),
  }),
  confirmEmail: t.prismaField({
    type: UserNode,
    ...refusals('NOT_FOUND'),
    description: 'With the code of the link that was mailed to the new address of the caller.',
    args: { code: t.arg.string({ required: true }) },
    resolve: async (query, _root, { code }, { services, actor, db }) =>
      shown(db, query, await services.emails.confirm(asUser(actor), code.slice(0, 200))),
  }),
  setLanguage: t.prismaField({
    type: UserNode,
    ...refusals(),
    description: 'Of mails and notifications; English when left out.',
    args: { language: t.arg({ type: LanguageEnum }) },
    resolve: async (query, _root, { language }, { services, actor, db }) =>
      shown(db, query, await services.emails.setLanguage(asUser(actor), language ?? null)),
  }),
}));
