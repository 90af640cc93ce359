import { failureSchema } from '@easel/schema/failure';
import { instanceTypeSpecSchema } from '@easel/schema/instance-type';
import type { Connectivity, DesiredState, EnvironmentPhase } from '@easel/schema/states/environment';
import type { TemplateSpec } from '@easel/schema/template';
import { type Heartbeat, heartbeatSchema } from '@easel/schema/wire/worker';
import { z } from 'zod';
import { AccessType } from '../access/access.graphql.ts';
import { waysIn } from '../access/ways-in.ts';
import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { ConnectivityEnum, DesiredStateEnum, PhaseEnum, RuntimeEnum } from '../api/enums.ts';
import { refusals } from '../api/refusals.ts';
import type { Db } from '../db.ts';
import type { Environment, Presence, Prisma } from '../generated/prisma/client.ts';
import { EnvironmentInstanceType } from '../instance-type/instance-type.graphql.ts';
import { PlatformNode } from '../platform/platform.graphql.ts';
import { may } from '../rights/may.ts';
import { mayOf } from '../share/seen.ts';
import { TemplateNode } from '../template/template.graphql.ts';
import { UserNode } from '../user/user.graphql.ts';
import { environmentStore } from './environment.store.ts';
import type { EnvironmentRow, Inside } from './environment-row.ts';
import {
  ActivityType,
  CleanupType,
  DiskType,
  EventType,
  FailureType,
  GitStatusType,
  ListeningPortType,
  ResourceUseType,
  StepType,
} from './parts.graphql.ts';
import { stepStore } from './step.store.ts';
import { gitOf } from './unsaved-work.ts';

type Query = Pick<Prisma.EnvironmentFindUniqueOrThrowArgs, 'include' | 'select'>;

/** The row again, with all that was asked for with it. */
function shown(db: Db, query: Query, { id }: EnvironmentRow): Promise<Environment> {
  return db.environment.findUniqueOrThrow({ ...query, where: { id } } as Prisma.EnvironmentFindUniqueOrThrowArgs);
}

const storedBeat = heartbeatSchema.omit({ type: true, at: true }).partial();
type Beat = Partial<Omit<Heartbeat, 'type' | 'at'>>;

/** What the heartbeat said, while it is true: nothing of it holds once the worker is gone, but for the git status. */
function beatOf(environment: Environment & { presence: Presence | null }): Beat {
  const { presence, generation, connectivity } = environment;
  if (!presence || presence.generation !== generation || connectivity === 'none') return {};
  const parsed = storedBeat.safeParse(presence.beat);
  return parsed.success ? (parsed.data as Beat) : {};
}

const withPresence = { select: { presence: true } } as const;

export const EnvironmentNode = builder.prismaNode('Environment', {
  id: { field: 'id' },
  authScopes: (environment, context) => mayOf(context, 'environment.read', environment),
  fields: (t) => ({
    name: t.exposeString('name'),
    namespace: t.relation('namespace'),
    version: t.exposeInt('version', { description: 'Raised by every change: take what is newer.' }),
    phase: t.field({ type: PhaseEnum, resolve: ({ phase }) => phase as EnvironmentPhase }),
    desired: t.field({ type: DesiredStateEnum, resolve: ({ desired }) => desired as DesiredState }),
    connectivity: t.field({ type: ConnectivityEnum, resolve: ({ connectivity }) => connectivity as Connectivity }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it is pending or interrupted, one sentence.',
    }),
    failure: t.field({
      type: FailureType,
      nullable: true,
      resolve: ({ failure, failedAt }) => {
        const parsed = failureSchema.safeParse(failure);
        return parsed.success && failedAt ? { ...parsed.data, at: failedAt } : null;
      },
    }),
    steps: t.loadableList({
      type: StepType,
      description: 'Of the current or the last start, in order.',
      load: async (keys: string[], { db }) => stepStore.listMany(db, keys.map(parseStart)),
      resolve: ({ id, generation }) => `${id}/${generation}`,
    }),
    template: t.relation('template', {
      type: TemplateNode,
      nullable: true,
      // A guest may have no role.
      authScopes: (environment, _args, { actor }) => may(actor, 'template.read', environment),
      unauthorizedResolver: () => null,
    }),
    templateName: t.string({ resolve: ({ spec }) => (spec as TemplateSpec).name }),
    branch: t.exposeString('branch', { nullable: true }),
    repositoryUrl: t.string({ resolve: ({ spec }) => (spec as TemplateSpec).repository.url }),
    image: t.string({ nullable: true, resolve: ({ spec }) => (spec as TemplateSpec).image }),
    idePort: t.int({ nullable: true, resolve: ({ spec }) => (spec as TemplateSpec).idePort }),
    owner: t.relation('owner', { type: UserNode }),
    platform: t.relation('platform', { type: PlatformNode, nullable: true }),
    instanceType: t.field({
      type: EnvironmentInstanceType,
      nullable: true,
      description: 'As it was when this was created; null where the platform decides.',
      resolve: ({ instanceType }) => {
        const parsed = instanceTypeSpecSchema.safeParse(instanceType);
        return parsed.success ? { spec: parsed.data } : null;
      },
    }),
    disk: t.field({
      type: DiskType,
      nullable: true,
      description: 'Null where volumes have no size of their own.',
      resolve: ({ diskBytes, diskCapacityBytes, diskProblem: problem }) =>
        diskBytes === null ? null : { wantedBytes: Number(diskBytes), capacityBytes: diskCapacityBytes, problem },
    }),
    runtime: t.field({
      type: RuntimeEnum,
      nullable: true,
      resolve: ({ runtime }) => (runtime === 'docker' || runtime === 'process' ? runtime : null),
    }),
    generation: t.exposeInt('generation', { description: 'Counts the starts.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    stoppedAt: t.expose('stoppedAt', { type: 'DateTime', nullable: true }),
    cleanup: t.field({
      type: CleanupType,
      nullable: true,
      description: 'When it is deleted because nobody uses it; null while it is in use, and where nothing is.',
      resolve: (environment, _args, { services }) => services.cleanup.of(environment),
    }),
    lastSeenAt: t.field({
      type: 'DateTime',
      nullable: true,
      ...withPresence,
      resolve: ({ presence }) => presence?.lastSeenAt ?? null,
    }),
    activity: t.field({
      type: ActivityType,
      nullable: true,
      ...withPresence,
      resolve: (environment) => {
        const { activity, sessions } = beatOf(environment);
        return activity && sessions ? { activity, sessions } : null;
      },
    }),
    resources: t.field({
      type: ResourceUseType,
      nullable: true,
      ...withPresence,
      resolve: (environment) => beatOf(environment).resources ?? null,
    }),
    git: t.field({
      type: [GitStatusType],
      description: 'As it was last told, also after a stop: what a delete would lose.',
      ...withPresence,
      resolve: ({ presence, ...environment }, _args, { actor }) =>
        may(actor, 'environment.inspect', environment) ? gitOf(presence?.beat) : [],
    }),
    ports: t.field({
      type: [ListeningPortType],
      description: 'Of a guest, those that he may reach.',
      ...withPresence,
      resolve: async (environment, _args, context) => {
        const ports = beatOf(environment).ports ?? [];
        if (may(context.actor, 'environment.inspect', environment)) return ports;
        const isOpen = await Promise.all(
          ports.map(({ port }) => mayOf(context, 'environment.reach', { ...environment, port })),
        );
        return ports.filter((_, index) => isOpen[index]);
      },
    }),
    access: t.field({
      type: AccessType,
      nullable: true,
      description: 'Null while there is nothing to reach, and for guests who may not enter by SSH.',
      select: { platform: { select: { sshHost: true, sshPort: true } }, owner: { select: { login: true } } },
      resolve: async (environment, _args, context) => {
        const { phase, inside, platform, owner, sshHostKeyFingerprint } = environment;
        const isGuest = !may(context.actor, 'environment.inspect', environment);
        if (isGuest && !(await mayOf(context, 'environment.enter', environment))) return null;
        const { sshHost, sshPort } = platform;
        if (sshHost === null || sshPort === null || !inside) return null;
        if (phase !== 'running' && phase !== 'interrupted') return null;
        // A guest may have an environment of the same name; the id is always the right one.
        const name = isGuest ? environment.id : environment.name;
        const alias = isGuest ? `${environment.name}.${owner.login}` : name;
        const way = { name, alias, sshHost, sshPort, project: (inside as unknown as Inside).project };
        return { ...way, ...waysIn(way), hostKeyFingerprint: sshHostKeyFingerprint };
      },
    }),
    events: t.relatedConnection(
      'events',
      { type: EventType, cursor: 'id', query: { orderBy: { version: 'asc' } } },
      { name: 'EnvironmentEventsConnection' },
      { name: 'EnvironmentEventsEdge' },
    ),
  }),
});

function parseStart(key: string) {
  const [environmentId = '', generation = ''] = key.split('/');
  return { environmentId, generation: Number(generation) };
}

const CreateEnvironmentInput = builder.inputType('CreateEnvironmentInput', {
  fields: (t) => ({
    name: t.string({ description: "Made from the template's when left out." }),
    template: t.string({ description: 'Id, name or `namespace/name`. Left out: the only one there is.' }),
    namespace: t.id({ description: "Id or name, for a repository. Left out: the template's, or the default one." }),
    gitUrl: t.string({ description: 'A repository instead of a template.' }),
    branch: t.string(),
    image: t.string(),
    instanceType: t.string({ description: "Id or name. Left out: the template's first." }),
    platform: t.string({ description: 'Id or name. Left out: one that is online.' }),
    snapshot: t.id({
      description:
        'Makes the volume from this snapshot, on its platform; the rest as its environment was, or as asked for.',
    }),
    requestKey: t.string({ description: 'Made by the client: asking twice with the same key makes one environment.' }),
  }),
});

const GrowEnvironmentDiskInput = builder.inputType('GrowEnvironmentDiskInput', {
  fields: (t) => ({
    id: t.id({ required: true, description: 'Id or name.' }),
    diskBytes: t.float({ required: true }),
  }),
});

builder.queryFields((t) => ({
  environment: t.prismaField({
    type: EnvironmentNode,
    nullable: true,
    authScopes: { user: true },
    description:
      "By id, or by name among the caller's own, else among what is shared with him. Null when unknown or not to be seen.",
    args: { id: t.arg.id(), name: t.arg.string() },
    resolve: async (query, _root, { id, name }, { services, actor, db }) => {
      const wanted = id ?? name;
      const row = wanted ? await services.environments.find(actor, wanted) : null;
      return row && db.environment.findUnique({ ...query, where: { id: row.id } });
    },
  }),
  environments: t.prismaConnection(
    {
      type: EnvironmentNode,
      cursor: 'id',
      authScopes: { user: true },
      description: "The caller's own, newest first; without the deleted ones unless `phases` names them.",
      args: {
        phases: t.arg({ type: [PhaseEnum] }),
        search: t.arg.string({ description: 'Part of the name.', validate: z.string().max(100) }),
      },
      resolve: (query, _root, { phases, search }, { db, actor }) =>
        environmentStore.page(db, query, {
          ownerId: asUser(actor).userId,
          phases: phases ?? null,
          search: search ?? null,
        }),
    },
    { name: 'EnvironmentsConnection' },
    { name: 'EnvironmentsEdge' },
  ),
}));

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  return {
    createEnvironment: t.prismaField({
      type: EnvironmentNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'QUOTA_EXCEEDED', 'WRONG_STATE'),
      args: { input: t.arg({ type: CreateEnvironmentInput, required: true }) },
      resolve: async (query, _root, { input }, { services, actor, db }) =>
        shown(db, query, await services.environments.create(actor, input)),
    }),
    startEnvironment: t.prismaField({
      type: EnvironmentNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      args: { id },
      resolve: async (query, _root, { id }, { services, actor, db }) =>
        shown(db, query, await services.environments.start(actor, id)),
    }),
    stopEnvironment: t.prismaField({
      type: EnvironmentNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      args: { id },
      resolve: async (query, _root, { id }, { services, actor, db }) =>
        shown(db, query, await services.environments.stop(actor, id)),
    }),
    keepEnvironment: t.prismaField({
      type: EnvironmentNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Counts as a use: if nobody uses it, it is deleted a whole period later.',
      args: { id },
      resolve: async (query, _root, { id }, { services, actor, db }) =>
        shown(db, query, await services.cleanup.keep(actor, id)),
    }),
    growEnvironmentDisk: t.prismaField({
      type: EnvironmentNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Volumes never shrink. `disk` says when it has grown, or why it does not.',
      args: { input: t.arg({ type: GrowEnvironmentDiskInput, required: true }) },
      resolve: async (query, _root, { input }, { services, actor, db }) =>
        shown(db, query, await services.environments.growDisk(actor, input)),
    }),
    deleteEnvironment: t.prismaField({
      type: EnvironmentNode,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Refused with what would be lost when there is uncommitted or unpushed work, unless `force`.',
      args: { id, force: t.arg.boolean() },
      resolve: async (query, _root, { id, force }, { services, actor, db }) =>
        shown(db, query, await services.environments.delete(actor, id, { force: force ?? false })),
    }),
  };
});
