import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';

const SessionNode = builder.prismaNode('Session', {
  id: { field: 'id' },
  authScopes: ({ userId }, { actor }) => actor.kind === 'user' && actor.userId === userId,
  fields: (t) => ({
    userAgent: t.exposeString('userAgent', { nullable: true, description: 'What the browser said of itself.' }),
    address: t.exposeString('address', { nullable: true, description: 'Where it was signed in from.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', nullable: true, description: 'To the minute.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    isCurrent: t.boolean({
      description: 'The one that asks.',
      resolve: ({ id }, _args, { actor }) => actor.kind === 'user' && actor.credential.id === id,
    }),
  }),
});

const RevokedSessions = builder.objectRef<{ count: number }>('RevokedSessions').implement({
  fields: (t) => ({ count: t.exposeInt('count') }),
});

builder.queryField('sessions', (t) =>
  t.prismaField({
    type: [SessionNode],
    authScopes: { user: true },
    description: 'Where the user is signed in with a browser, the one used last first.',
    resolve: (_query, _root, _args, { services, actor }) => services.sessions.list(actor),
  }),
);

builder.mutationFields((t) => ({
  revokeSession: t.prismaField({
    type: SessionNode,
    ...refusals('NOT_FOUND'),
    description: 'Signs that browser out; what is open there is closed within seconds.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_query, _root, { id }, { services, actor }) => services.sessions.revoke(asUser(actor), id),
  }),
  revokeOtherSessions: t.field({
    type: RevokedSessions,
    ...refusals(),
    description: 'Signs out everywhere else.',
    resolve: async (_root, _args, { services, actor }) => ({
      count: await services.sessions.revokeOthersOf(asUser(actor)),
    }),
  }),
}));
