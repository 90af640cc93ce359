import { failureSchema } from '@easel/schema/failure';
import { SNAPSHOT_STATES, type SnapshotState } from '@easel/schema/states/snapshot';
import { asPlatform, asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { Db } from '../db.ts';
import { EnvironmentNode } from '../environment/environment.graphql.ts';
import { FailureType } from '../environment/parts.graphql.ts';
import type { Prisma, Snapshot } from '../generated/prisma/client.ts';
import { PlatformNode } from '../platform/platform.graphql.ts';
import { may } from '../rights/may.ts';
import { snapshotStore } from './snapshot.store.ts';
import type { SnapshotRow } from './snapshot-row.ts';

type Query = Pick<Prisma.SnapshotFindUniqueOrThrowArgs, 'include' | 'select'>;

/** The row again, with all that was asked for with it. */
function shown(db: Db, query: Query, { id }: SnapshotRow): Promise<Snapshot> {
  return db.snapshot.findUniqueOrThrow({ ...query, where: { id } } as Prisma.SnapshotFindUniqueOrThrowArgs);
}

const SnapshotStateEnum = builder.enumType('SnapshotState', { values: SNAPSHOT_STATES });

export const SnapshotNode = builder.prismaNode('Snapshot', {
  id: { field: 'id' },
  authScopes: (snapshot, { actor }) => may(actor, 'snapshot.read', snapshot),
  fields: (t) => ({
    name: t.exposeString('name'),
    state: t.field({ type: SnapshotStateEnum, resolve: ({ state }) => state as SnapshotState }),
    sizeBytes: t.float({
      nullable: true,
      description: 'The least size of a volume that is restored from it; null until it is ready.',
      resolve: ({ sizeBytes }) => (sizeBytes === null ? null : Number(sizeBytes)),
    }),
    isQuiet: t.exposeBoolean('isQuiet', {
      nullable: true,
      description:
        'The volume was at rest, or its worker held still, when the cut was made; else it is as after a power cut.',
    }),
    reason: t.exposeString('reason', { nullable: true, description: 'What it waits for, one sentence.' }),
    failure: t.field({
      type: FailureType,
      nullable: true,
      resolve: ({ failure, createdAt }) => {
        const parsed = failureSchema.safeParse(failure);
        return parsed.success ? { ...parsed.data, at: createdAt } : null;
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    takenAt: t.expose('takenAt', { type: 'DateTime', nullable: true }),
    readyAt: t.expose('readyAt', { type: 'DateTime', nullable: true }),
    environment: t.relation('environment', { type: EnvironmentNode, description: 'It may be deleted by now.' }),
    environmentName: t.string({
      select: { environment: { select: { name: true } } },
      resolve: ({ environment }) => environment.name,
    }),
    platform: t.relation('platform', { type: PlatformNode }),
  }),
});

builder.prismaObjectFields(EnvironmentNode, (t) => ({
  snapshots: t.relation('snapshots', {
    type: SnapshotNode,
    description: 'Newest first, without the deleted ones.',
    query: (_args, { actor }) => ({
      // Of others' environments, for those alone who may see all snapshots.
      where: { state: { not: 'deleted' }, ...(may(actor, 'snapshot.read') ? {} : { ownerId: asUser(actor).userId }) },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    }),
  }),
  restoredFrom: t.relation('restoredFrom', {
    type: SnapshotNode,
    nullable: true,
    description: 'The snapshot that its volume was made from; null for guests.',
    authScopes: ({ ownerId }, _args, { actor }) => may(actor, 'snapshot.read', { ownerId }),
    unauthorizedResolver: () => null,
  }),
}));

const SnapshotEnvironmentInput = builder.inputType('SnapshotEnvironmentInput', {
  fields: (t) => ({
    id: t.id({ required: true, description: 'Id or name of the environment.' }),
    name: t.string({ description: "The environment's name and the time when left out." }),
  }),
});

builder.queryFields((t) => ({
  snapshots: t.prismaConnection(
    {
      type: SnapshotNode,
      cursor: 'id',
      authScopes: { user: true },
      description: "The caller's own, newest first, without the deleted ones.",
      resolve: (query, _root, _args, { db, actor }) => snapshotStore.page(db, query, asUser(actor).userId),
    },
    { name: 'SnapshotsConnection' },
    { name: 'SnapshotsEdge' },
  ),
  platformSnapshots: t.field({
    type: ['JSON'],
    authScopes: { platform: true },
    complexity: 1,
    description: 'For schedulers: snapshots with which something is to be done (wire/snapshot.ts).',
    resolve: (_root, _args, { services, actor }) => services.snapshotScheduler.list(asPlatform(actor)),
  }),
}));

builder.mutationFields((t) => ({
  snapshotEnvironment: t.prismaField({
    type: SnapshotNode,
    ...refusals('NOT_FOUND', 'QUOTA_EXCEEDED', 'WRONG_STATE'),
    description: 'Takes a snapshot of its volume; what runs is held still for a moment. Restored by createEnvironment.',
    args: { input: t.arg({ type: SnapshotEnvironmentInput, required: true }) },
    resolve: async (query, _root, { input }, { services, actor, db }) =>
      shown(db, query, await services.snapshots.take(asUser(actor), input)),
  }),
  deleteSnapshot: t.prismaField({
    type: SnapshotNode,
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'Environments that were made from it keep what they have.',
    args: { id: t.arg.id({ required: true }) },
    resolve: async (query, _root, { id }, { services, actor, db }) =>
      shown(db, query, await services.snapshots.delete(asUser(actor), id)),
  }),
  reportSnapshots: t.boolean({
    authScopes: { platform: true },
    description: 'For schedulers: what they see (wire/snapshot.ts).',
    args: { observations: t.arg({ type: ['JSON'], required: true }) },
    resolve: async (_root, { observations }, { services, actor }) => {
      await services.snapshotScheduler.report(asPlatform(actor), observations);
      return true;
    },
  }),
}));
