import { builder } from '../api/builder.ts';
import { may } from '../rights/may.ts';

/** Whoever is in a group sees that there is one; the rest is for those who may see all users. */
export const GroupNode = builder.prismaNode('Group', {
  id: { field: 'id' },
  findUnique: (id, { actor }) => {
    if (may(actor, 'group.read')) return { id };
    return { id, members: { some: { userId: actor.kind === 'user' ? actor.userId : '' } } };
  },
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});
