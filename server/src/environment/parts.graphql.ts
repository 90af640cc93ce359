/** The parts that an environment shows: failure, steps, events, and what its worker's heartbeats say. */
import type { Failure } from '@easel/schema/failure';
import type { EnvironmentPhase } from '@easel/schema/states/environment';
import type { GitStatus, Heartbeat, ResourceUse } from '@easel/schema/wire/worker';
import { builder } from '../api/builder.ts';
import { FailureClassEnum, PhaseEnum, StepNameEnum, StepStateEnum } from '../api/enums.ts';
import type { PlannedCleanup } from './cleanup.ts';
import type { StepRow } from './step.store.ts';

export const FailureType = builder.objectRef<Failure & { at: Date }>('Failure').implement({
  fields: (t) => ({
    class: t.expose('class', { type: FailureClassEnum }),
    message: t.exposeString('message'),
    advice: t.exposeString('advice', { description: 'What the person can do.' }),
    step: t.expose('step', { type: StepNameEnum, nullable: true }),
    exitCode: t.exposeInt('exitCode', { nullable: true }),
    at: t.expose('at', { type: 'DateTime' }),
  }),
});

export const StepType = builder.objectRef<StepRow>('Step').implement({
  fields: (t) => ({
    name: t.expose('name', { type: StepNameEnum }),
    number: t.exposeInt('number'),
    state: t.expose('state', { type: StepStateEnum }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    durationMs: t.exposeInt('durationMs', { nullable: true }),
    fraction: t.exposeFloat('fraction', { nullable: true, description: '0–1, where it is known.' }),
    text: t.exposeString('text'),
  }),
});

export const GitStatusType = builder.objectRef<GitStatus>('GitStatus').implement({
  fields: (t) => ({
    path: t.exposeString('path'),
    branch: t.exposeString('branch', { nullable: true }),
    commit: t.exposeString('commit', { nullable: true }),
    uncommitted: t.exposeInt('uncommitted'),
    unpushed: t.exposeInt('unpushed', { nullable: true }),
  }),
});

export const ResourceUseType = builder.objectRef<ResourceUse>('ResourceUse').implement({
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { description: '1.5 is one and a half cores.' }),
    memoryBytes: t.exposeFloat('memoryBytes'),
    memoryLimitBytes: t.exposeFloat('memoryLimitBytes', { nullable: true }),
    diskUsedBytes: t.exposeFloat('diskUsedBytes'),
    diskTotalBytes: t.exposeFloat('diskTotalBytes'),
    processes: t.exposeInt('processes'),
  }),
});

interface Disk {
  wantedBytes: number;
  capacityBytes: bigint | null;
  problem: string | null;
}

export const DiskType = builder.objectRef<Disk>('Disk').implement({
  fields: (t) => ({
    wantedBytes: t.exposeFloat('wantedBytes'),
    capacityBytes: t.float({
      nullable: true,
      description: 'As its platform sees it; null until it has.',
      resolve: ({ capacityBytes }) => (capacityBytes === null ? null : Number(capacityBytes)),
    }),
    problem: t.exposeString('problem', { nullable: true, description: 'Why it does not grow, one sentence.' }),
  }),
});

export const CleanupType = builder.objectRef<PlannedCleanup>('Cleanup').implement({
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'If nobody uses it until then.', resolve: ({ at }) => at }),
    isWarned: t.exposeBoolean('isWarned', { description: 'Its owner has been told, and the notice runs.' }),
  }),
});

export const ListeningPortType = builder.objectRef<Heartbeat['ports'][number]>('ListeningPort').implement({
  fields: (t) => ({
    port: t.exposeInt('port'),
    process: t.exposeString('process', { nullable: true }),
  }),
});

export const ActivityType = builder.objectRef<Pick<Heartbeat, 'activity' | 'sessions'>>('Activity').implement({
  fields: (t) => ({
    lastActiveAt: t.field({ type: 'DateTime', resolve: ({ activity }) => new Date(activity.lastActiveAt) }),
    sources: t.stringList({ resolve: ({ activity }) => activity.sources }),
    sshSessions: t.int({ resolve: ({ sessions }) => sessions.ssh }),
    portStreams: t.int({ resolve: ({ sessions }) => sessions.port }),
  }),
});

export const EventType = builder.prismaObject('EnvironmentEvent', {
  description: 'One transition of the timeline.',
  fields: (t) => ({
    id: t.exposeID('id'),
    at: t.expose('at', { type: 'DateTime' }),
    from: t.field({ type: PhaseEnum, nullable: true, resolve: ({ from }) => from as EnvironmentPhase | null }),
    to: t.field({ type: PhaseEnum, resolve: ({ to }) => to as EnvironmentPhase }),
    cause: t.exposeString('cause'),
    actor: t.exposeString('actor', { nullable: true, description: "A user's id, `worker`, `platform` or `server`." }),
  }),
});
