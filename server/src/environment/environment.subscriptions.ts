/** What changes of environments, told by hints and read anew with the client's own selection. */
import { type EnvironmentId, isId } from '@easel/schema/ids';
import { asUser, notFound } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { mergeHints } from '../live/merged.ts';
import { liveStream } from '../live/stream.ts';
import { EnvironmentNode } from './environment.graphql.ts';
import { environmentStore } from './environment.store.ts';

builder.subscriptionField('environmentChanged', (t) =>
  t.prismaField({
    type: EnvironmentNode,
    authScopes: { user: true },
    description: 'The environment at once, then at every change; ends after `deleted`.',
    extensions: { shared: true },
    args: { id: t.arg.id({ required: true }) },
    subscribe: async (_root, { id }, { services, actor, live }) => {
      const changes = isId('environment', id) ? mergeHints() : null;
      changes?.follow(
        new Map([
          ['environment', () => live.environment(id as EnvironmentId)],
          // Whether a guest still sees it may change with him, too: his group, say.
          ['guest', () => live.guest(asUser(actor).userId)],
        ]),
      );
      const row = changes && (await services.environments.find(actor, id));
      if (!changes || !row) {
        await changes?.return?.();
        throw notFound('environment');
      }
      return liveStream(changes, async () => {
        const now = await services.environments.find(actor, id);
        // A share, or a role, that let the reader see it is over.
        if (!now) throw notFound('environment');
        return now.phase === 'deleted' ? { last: [{ id: row.id }] } : [{ id: row.id }];
      });
    },
    resolve: (query, event, _args, { db }) =>
      db.environment.findUniqueOrThrow({ ...query, where: { id: (event as { id: EnvironmentId }).id } }),
  }),
);

type Change = { kind: 'list' | 'resync' } | { kind: 'changed' | 'removed'; id: EnvironmentId };

const ChangeKindEnum = builder.enumType('EnvironmentsChangeKind', {
  values: {
    list: { description: 'On each (re)connect: `environments` is the whole.' },
    changed: { description: '`environment` as it is now; new ones too.' },
    removed: { description: '`id` is deleted.' },
    resync: { description: 'The reader was too slow: a `list` follows.' },
  },
});

/** More of them are not a list that anybody watches. */
const MAX_LIST = 1000;

const EnvironmentsChange = builder.objectRef<Change>('EnvironmentsChange').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: ChangeKindEnum }),
    id: t.id({ nullable: true, resolve: (change) => ('id' in change ? change.id : null) }),
    environment: t.prismaField({
      type: EnvironmentNode,
      nullable: true,
      resolve: (query, change, _args, { db }) =>
        change.kind === 'changed' ? db.environment.findUnique({ ...query, where: { id: change.id } }) : null,
    }),
    environments: t.prismaField({
      type: [EnvironmentNode],
      nullable: true,
      resolve: (query, change, _args, { db, actor }) =>
        change.kind === 'list'
          ? environmentStore.page(
              db,
              { ...query, take: MAX_LIST },
              { ownerId: asUser(actor).userId, phases: null, search: null },
            )
          : null,
    }),
  }),
});

builder.subscriptionField('environmentsChanged', (t) =>
  t.field({
    type: EnvironmentsChange,
    authScopes: { user: true },
    description: "The caller's own environments: the whole at once, then each change.",
    extensions: { shared: true },
    subscribe: (_root, _args, { live, actor }) =>
      liveStream(live.environments({ ownerId: asUser(actor).userId }), async (change): Promise<Change[]> => {
        if (change === null) return [{ kind: 'list' }];
        return change.kind === 'resync' ? [{ kind: 'resync' }, { kind: 'list' }] : [change];
      }),
    resolve: (change) => change as Change,
  }),
);
