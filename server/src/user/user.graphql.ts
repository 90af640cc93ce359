import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';

export const UserNode = builder.prismaNode('User', {
  id: { field: 'id' },
  // Of others one sees who owns what one may see; that is reached through the environment, not by id.
  findUnique: (id, { actor }) => ({ id: actor.kind === 'user' && actor.userId === id ? id : '' }),
  fields: (t) => ({
    login: t.exposeString('login'),
    name: t.exposeString('name'),
    email: t.exposeString('email', { nullable: true }),
    isAdministrator: t.exposeBoolean('isAdministrator'),
    hasPassword: t.boolean({ resolve: (user) => user.passwordHash !== null }),
  }),
});

builder.queryField('me', (t) =>
  t.prismaField({
    type: UserNode,
    nullable: true,
    description: 'The signed-in user; null for nobody and for computing platforms.',
    resolve: (query, _root, _args, { actor, db }) =>
      actor.kind === 'user' ? db.user.findUnique({ ...query, where: { id: actor.userId } }) : null,
  }),
);

const SetPasswordInput = builder.inputType('SetPasswordInput', {
  fields: (t) => ({
    current: t.string({ description: 'The present password, if there is one.' }),
    password: t.string({ required: true }),
  }),
});

builder.mutationField('setPassword', (t) =>
  t.prismaField({
    type: UserNode,
    ...refusals(),
    args: { input: t.arg({ type: SetPasswordInput, required: true }) },
    resolve: (_query, _root, { input }, { services, actor }) => services.users.setPassword(asUser(actor), input),
  }),
);
