import { asPlatform } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { RuntimeEnum } from '../api/enums.ts';
import { liveStream } from '../live/stream.ts';

export const PlatformNode = builder.prismaNode('Platform', {
  id: { field: 'id' },
  authScopes: { $any: { user: true, platform: true } },
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.exposeString('kind'),
    isOnline: t.boolean({
      description: 'Its scheduler was heard of lately.',
      resolve: (platform, _args, { services }) => services.platforms.isOnline(platform),
    }),
    version: t.exposeString('version', { nullable: true }),
    runtime: t.field({
      type: RuntimeEnum,
      nullable: true,
      resolve: ({ runtime }) => (runtime === 'docker' || runtime === 'process' ? runtime : null),
    }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', nullable: true }),
    relayUrl: t.exposeString('relayUrl', { nullable: true }),
    sshHost: t.exposeString('sshHost', { nullable: true }),
    sshPort: t.exposeInt('sshPort', { nullable: true }),
    isIsolated: t.exposeBoolean('isIsolated', { description: 'Environments cannot reach each other or the machine.' }),
    notice: t.exposeString('notice', { nullable: true, description: 'What its users should know, one sentence.' }),
  }),
});

const PlatformHeartbeatInput = builder.inputType('PlatformHeartbeatInput', {
  fields: (t) => ({
    version: t.string(),
    kind: t.string({ required: true }),
    runtime: t.field({ type: RuntimeEnum }),
    relayUrl: t.string({ description: 'Where clients reach the relay.' }),
    workerRelayUrl: t.string({ description: 'Where workers reach it, if elsewhere.' }),
    sshHost: t.string(),
    sshPort: t.int(),
    notice: t.string(),
    isIsolated: t.boolean(),
  }),
});

builder.queryFields((t) => ({
  platforms: t.prismaField({
    type: [PlatformNode],
    authScopes: { user: true },
    resolve: (_query, _root, _args, { services }) => services.platforms.list(),
  }),
  platformPlacements: t.field({
    type: ['JSON'],
    authScopes: { platform: true },
    complexity: 1,
    description: 'For schedulers: all placements of the platform that have not ended (wire/placement.ts).',
    resolve: (_root, _args, { services, actor }) => services.scheduler.list(asPlatform(actor)),
  }),
  platformEnvironments: t.field({
    type: ['JSON'],
    authScopes: { platform: true },
    complexity: 1,
    description: 'For schedulers: what is known of environments that they found traces of; unknown ones are left out.',
    args: { ids: t.arg.idList({ required: true }) },
    resolve: (_root, { ids }, { services, actor }) => services.scheduler.environments(asPlatform(actor), ids),
  }),
}));

builder.mutationFields((t) => ({
  platformHeartbeat: t.prismaField({
    type: PlatformNode,
    authScopes: { platform: true },
    args: { input: t.arg({ type: PlatformHeartbeatInput, required: true }) },
    resolve: (_query, _root, { input }, { services, actor }) => services.platforms.heartbeat(asPlatform(actor), input),
  }),
  claimPlacements: t.field({
    type: ['JSON'],
    authScopes: { platform: true },
    complexity: 1,
    description: 'Gives the oldest due placements to the caller, with a lease.',
    args: {
      limit: t.arg.int({ required: true }),
      leaseSeconds: t.arg.int({ required: true }),
      claimedBy: t.arg.string({ required: true }),
    },
    resolve: (_root, args, { services, actor }) => services.scheduler.claim(asPlatform(actor), args),
  }),
  renewPlacements: t.idList({
    authScopes: { platform: true },
    complexity: 1,
    description: 'Prolongs leases and gives those that the caller still holds.',
    args: {
      ids: t.arg.idList({ required: true }),
      leaseSeconds: t.arg.int({ required: true }),
      claimedBy: t.arg.string({ required: true }),
    },
    resolve: (_root, args, { services, actor }) => services.scheduler.renew(asPlatform(actor), args),
  }),
  reportPlacements: t.boolean({
    authScopes: { platform: true },
    args: { observations: t.arg({ type: ['JSON'], required: true }) },
    resolve: async (_root, { observations }, { services, actor }) => {
      await services.scheduler.report(asPlatform(actor), observations);
      return true;
    },
  }),
}));

builder.subscriptionField('placementsChanged', (t) =>
  t.boolean({
    authScopes: { platform: true },
    description: 'A hint for schedulers, at once and whenever something waits: claim now.',
    extensions: { shared: true },
    subscribe: (_root, _args, { live, actor }) =>
      liveStream(live.placements(asPlatform(actor).platformId), async () => [true]),
    resolve: () => true,
  }),
);
