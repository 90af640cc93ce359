import { SHARE_ACCESS, type ShareAccess } from '@easel/schema/share';
import { type Heartbeat, heartbeatSchema } from '@easel/schema/wire/worker';
import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { RequestContext } from '../context.ts';
import type { Db } from '../db.ts';
import { EnvironmentNode } from '../environment/environment.graphql.ts';
import type { Environment, Prisma, Share } from '../generated/prisma/client.ts';
import { GroupNode } from '../group/group.graphql.ts';
import { mergeHints } from '../live/merged.ts';
import { liveStream } from '../live/stream.ts';
import { may } from '../rights/may.ts';
import { isShareAccess } from '../rights/shared-access.ts';
import { UserNode } from '../user/user.graphql.ts';
import { sharesWithCaller } from './seen.ts';
import type { ShareRow } from './share.store.ts';

type Query = Pick<Prisma.ShareFindUniqueOrThrowArgs, 'include' | 'select'>;

/** The row again, with all that was asked for with it. */
function shown(db: Db, query: Query, { id }: ShareRow): Promise<Share> {
  return db.share.findUniqueOrThrow({ ...query, where: { id } } as Prisma.ShareFindUniqueOrThrowArgs);
}

const ShareAccessEnum = builder.enumType('ShareAccess', {
  description: 'Each lets its holder do what those before it do.',
  values: {
    view: { description: 'See that it is there, its phase, steps and numbers; neither its log nor its inside.' },
    ports: { description: 'Reach some of its ports, or all.' },
    ssh: { description: 'Enter it by SSH, as the very user that its owner is inside.' },
  },
});

/** Whoever sees all of the environment sees its shares; a guest sees the one that he has. */
async function isShown(share: Share & { environment: Environment }, context: RequestContext): Promise<boolean> {
  if (may(context.actor, 'environment.inspect', share.environment)) return true;
  return (await sharesWithCaller(context, share.environmentId)).some(({ shareId }) => shareId === share.id);
}

export const ShareNode = builder.prismaNode('Share', {
  id: { field: 'id' },
  description: 'What a user, or the members of a group, may do with an environment that is not theirs.',
  include: { environment: true },
  authScopes: isShown,
  fields: (t) => ({
    environment: t.relation('environment', { type: EnvironmentNode }),
    user: t.relation('user', { type: UserNode, nullable: true, description: 'Null when it is with a group.' }),
    group: t.prismaField({
      type: GroupNode,
      nullable: true,
      description: 'Null when it is with a user, and for one that is gone.',
      resolve: (query, { groupId }, _args, { db }) =>
        groupId === null ? null : db.group.findUnique({ ...query, where: { id: groupId } }),
    }),
    access: t.field({
      type: ShareAccessEnum,
      resolve: ({ access }): ShareAccess => (isShareAccess(access) ? access : 'view'),
    }),
    ports: t.exposeIntList('ports', { description: 'Of the access `ports`; empty is all of them.' }),
    note: t.exposeString('note'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    createdBy: t.relation('createdBy', { type: UserNode }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Null: until somebody revokes it.',
    }),
    isOpen: t.boolean({
      description: 'False once it is revoked, replaced or expired.',
      resolve: (share, _args, { services }) => services.shares.isOpen(share),
    }),
  }),
});

interface Visitor {
  user: { id: string };
  way: 'ssh' | 'port';
  since: Date;
}

const VisitorType = builder.objectRef<Visitor>('Visitor').implement({
  description: 'Somebody who is in at the moment, by a share.',
  fields: (t) => ({
    user: t.prismaField({
      type: UserNode,
      resolve: (query, { user }, _args, { db }) => db.user.findUniqueOrThrow({ ...query, where: { id: user.id } }),
    }),
    way: t.exposeString('way', { description: '`ssh` or `port`.' }),
    since: t.expose('since', { type: 'DateTime' }),
  }),
});

const storedVisitors = heartbeatSchema.pick({ visitors: true }).partial();

/** As the worker's last heartbeat said; it is believed only of people who were given a ticket by a share. */
async function visitorsOf(beat: unknown, known: readonly string[]): Promise<Visitor[]> {
  const parsed = storedVisitors.safeParse(beat);
  const visitors: NonNullable<Heartbeat['visitors']> = (parsed.success && parsed.data.visitors) || [];
  return visitors
    .filter(({ userId }) => known.includes(userId))
    .map(({ userId, way, since }) => ({ user: { id: userId }, way, since: new Date(since) }));
}

builder.prismaObjectFields(EnvironmentNode, (t) => ({
  myShare: t.prismaField({
    type: ShareNode,
    nullable: true,
    description: "The caller's share, the one that allows most; null for the owner, and for who sees it by a role.",
    resolve: async (query, { id }, _args, context) => {
      const shares = await sharesWithCaller(context, id);
      const rank = ({ access }: { access: ShareAccess }) => SHARE_ACCESS.indexOf(access);
      const [best] = shares.toSorted((a, b) => rank(b) - rank(a));
      return best ? context.db.share.findUnique({ ...query, where: { id: best.shareId } }) : null;
    },
  }),
  shares: t.prismaField({
    type: [ShareNode],
    description: 'Open ones, the oldest first; none for guests.',
    resolve: async (query, environment, _args, { actor, db, services }) => {
      if (!may(actor, 'environment.inspect', environment)) return [];
      const rows = (await services.shares.openOf([environment.id])).get(environment.id) ?? [];
      return db.share.findMany({ ...query, where: { id: { in: rows.map(({ id }) => id) } }, orderBy: { id: 'asc' } });
    },
  }),
  mayShare: t.boolean({
    description: 'Whether the caller may share it: its owner, unless sharing is switched off.',
    resolve: (environment, _args, { actor, services }) =>
      services.shared.isOn && may(actor, 'environment.share', environment),
  }),
  visitors: t.field({
    type: [VisitorType],
    description: 'Who is in by a share; none for guests.',
    select: { presence: true },
    resolve: async ({ presence, ...environment }, _args, { actor, services }) => {
      if (!may(actor, 'environment.inspect', environment)) return [];
      const { generation, connectivity, id } = environment;
      if (!presence || presence.generation !== generation || connectivity === 'none') return [];
      return visitorsOf(presence.beat, (await services.shared.entries(id as never)).userIds);
    },
  }),
}));

/** The environments with these ids, in this order. */
async function inOrder(
  context: RequestContext,
  query: Pick<Prisma.EnvironmentFindManyArgs, 'include' | 'select'>,
  ids: readonly string[],
): Promise<Environment[]> {
  const rows = await context.db.environment.findMany({
    ...query,
    where: { id: { in: [...ids] } },
  } as Prisma.EnvironmentFindManyArgs);
  return rows.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

builder.queryField('sharedEnvironments', (t) =>
  t.prismaField({
    type: [EnvironmentNode],
    authScopes: { user: true },
    description: 'What others share with the caller, the newest share first; `myShare` says how.',
    resolve: async (query, _root, _args, context) =>
      inOrder(context, query, await context.services.shared.environmentIds(asUser(context.actor).userId)),
  }),
);

builder.subscriptionField('sharedEnvironmentsChanged', (t) =>
  t.prismaField({
    type: [EnvironmentNode],
    authScopes: { user: true },
    description: 'What others share with the caller: the whole at once, and again at every change.',
    extensions: { shared: true },
    subscribe: (_root, _args, { live, actor, services }) => {
      const { userId } = asUser(actor);
      const hints = mergeHints();
      return liveStream(hints, async () => {
        const guests = [userId, ...(await services.shared.groupIdsOf(userId))];
        hints.follow(new Map(guests.map((id) => [id, () => live.guest(id)])));
        const ids = await services.shared.environmentIds(userId);
        hints.follow(
          new Map([
            ...guests.map((id) => [id, () => live.guest(id)] as const),
            ...ids.map((id) => [id, () => live.environment(id)] as const),
          ]),
        );
        return [ids];
      });
    },
    resolve: (query, ids, _args, context) => inOrder(context, query, ids as string[]),
  }),
);

const ShareEnvironmentInput = builder.inputType('ShareEnvironmentInput', {
  fields: (t) => ({
    environment: t.id({ required: true, description: 'Id or name.' }),
    user: t.string({ description: 'Login or e-mail address, exactly.' }),
    group: t.string({ description: 'Instead of a user: name or id, exactly.' }),
    access: t.field({ type: ShareAccessEnum, required: true }),
    ports: t.intList({ description: 'With the access `ports`: which; left out or empty, all.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'Left out: until somebody revokes it.' }),
    note: t.string({ description: 'For the guest.' }),
  }),
});

builder.mutationFields((t) => ({
  shareEnvironment: t.prismaField({
    type: ShareNode,
    ...refusals('NOT_FOUND', 'QUOTA_EXCEEDED'),
    description: 'For the owner. Takes the place of what was shared with the same user or group before.',
    args: { input: t.arg({ type: ShareEnvironmentInput, required: true }) },
    resolve: async (query, _root, { input }, { services, actor, db }) =>
      shown(db, query, await services.shares.share(asUser(actor), input)),
  }),
  revokeShare: t.prismaField({
    type: ShareNode,
    ...refusals('NOT_FOUND'),
    description: 'Cuts what came in by it, within seconds.',
    args: { id: t.arg.id({ required: true }) },
    resolve: async (query, _root, { id }, { services, actor, db }) =>
      shown(db, query, await services.shares.end(asUser(actor), id)),
  }),
}));
