import { isId, type PlatformId } from '@easel/schema/ids';
import { type PlatformFeatures, platformSettingsSchema } from '@easel/schema/platform-settings';
import { asPlatform, asUser, notFound } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { RuntimeEnum } from '../api/enums.ts';
import { refusals } from '../api/refusals.ts';
import type { Platform } from '../generated/prisma/client.ts';
import { liveStream } from '../live/stream.ts';
import { may } from '../rights/may.ts';
import type { PlatformService } from './platform.service.ts';
import type { PlatformWithToken } from './platform-admin.service.ts';
import type { PlatformRow, StorageClass } from './platform-row.ts';

/** The same row, as Prisma types it. */
function shown(row: PlatformRow): Platform {
  return row as unknown as Platform;
}

const FeatureType = builder.objectRef<PlatformFeatures['snapshots']>('PlatformFeature').implement({
  fields: (t) => ({
    isAvailable: t.exposeBoolean('isAvailable'),
    reason: t.exposeString('reason', { nullable: true, description: 'Why it is not available, one sentence.' }),
  }),
});

const FeaturesType = builder.objectRef<PlatformFeatures>('PlatformFeatures').implement({
  fields: (t) => ({
    snapshots: t.expose('snapshots', { type: FeatureType }),
    expansion: t.expose('expansion', { type: FeatureType, description: 'Volumes can grow.' }),
  }),
});

const StorageClassType = builder.objectRef<StorageClass>('StorageClass').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    isDefault: t.exposeBoolean('isDefault'),
    canExpand: t.exposeBoolean('canExpand'),
    provisioner: t.exposeString('provisioner'),
  }),
});

/** Features and classes come as JSON: the service says what is wrong with them. */
type PlatformHeartbeat = Parameters<PlatformService['heartbeat']>[1];

const own = 'Shown to administrators and to the platform itself.';

export const PlatformNode = builder.prismaNode('Platform', {
  id: { field: 'id' },
  authScopes: ({ id }, { actor }) => actor.kind === 'user' || may(actor, 'platform.inspect', { platformId: id }),
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
    isDraining: t.exposeBoolean('isDraining', { description: 'Nothing new starts there; what runs goes on.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    removedAt: t.expose('removedAt', { type: 'DateTime', nullable: true }),
    sshHostKeys: t.stringList({
      description: 'Public host keys of its jump, each `algorithm base64`: what a client checks it by.',
      resolve: ({ sshHostKeys }) => sshHostKeys as string[],
    }),
    features: t.field({
      type: FeaturesType,
      nullable: true,
      description: 'What it can do beyond running environments; null until its scheduler has said so.',
      resolve: ({ features }) => features as PlatformFeatures | null,
    }),
    clusterVersion: t.exposeString('clusterVersion', { nullable: true }),
    storageClasses: t.field({
      type: [StorageClassType],
      description: `Of its cluster. ${own}`,
      resolve: (platform, _args, { actor }) =>
        may(actor, 'platform.inspect', { platformId: platform.id })
          ? ((platform.storageClasses as StorageClass[] | null) ?? [])
          : [],
    }),
    problems: t.stringList({
      description: `What its scheduler lacks, each one sentence. ${own}`,
      resolve: (platform, _args, { actor }) =>
        may(actor, 'platform.inspect', { platformId: platform.id }) ? (platform.problems as string[]) : [],
    }),
    settings: t.field({
      type: 'JSON',
      nullable: true,
      description: `As they are wanted (platform-settings.ts). ${own}`,
      resolve: (platform, _args, { actor }) =>
        may(actor, 'platform.inspect', { platformId: platform.id })
          ? (platform.settings ?? platformSettingsSchema.parse({}))
          : null,
    }),
    settingsVersion: t.exposeInt('settingsVersion', { description: 'Raised by every change; 0 is the defaults.' }),
    settingsAppliedVersion: t.exposeInt('settingsAppliedVersion', {
      nullable: true,
      description: 'The version that its scheduler works by.',
    }),
    appliedSettings: t.field({
      type: 'JSON',
      nullable: true,
      description: `The newest that its scheduler has taken: what it goes back to. ${own}`,
      resolve: (platform, _args, { actor }) =>
        may(actor, 'platform.inspect', { platformId: platform.id }) ? platform.appliedSettings : null,
    }),
    settingsProblem: t.string({
      nullable: true,
      description: `Why its scheduler did not take the newest settings. ${own}`,
      resolve: (platform, _args, { actor }) =>
        may(actor, 'platform.inspect', { platformId: platform.id }) ? platform.settingsProblem : null,
    }),
    environmentCount: t.loadable({
      type: 'Int',
      description: 'Environments of everybody that are there and not deleted.',
      load: async (ids: string[], { services }) => {
        const counts = await services.environments.countsOnPlatforms(ids);
        return ids.map((id) => counts.get(id) ?? 0);
      },
      resolve: ({ id }) => id,
    }),
  }),
});

const PlatformWithTokenType = builder.objectRef<PlatformWithToken>('PlatformWithToken').implement({
  fields: (t) => ({
    platform: t.field({ type: PlatformNode, resolve: ({ platform }) => shown(platform) }),
    token: t.exposeString('token', { description: 'Shown this once; only its hash is stored.' }),
  }),
});

const CreatePlatformInput = builder.inputType('CreatePlatformInput', {
  fields: (t) => ({ name: t.string({ required: true }) }),
});

const JumpHeartbeatInput = builder.inputType('JumpHeartbeatInput', {
  fields: (t) => ({ sshHostKeys: t.stringList({ required: true, description: 'Each `algorithm base64`.' }) }),
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
    clusterVersion: t.string(),
    features: t.field({ type: 'JSON', description: 'platformFeaturesSchema of platform-settings.ts.' }),
    storageClasses: t.field({ type: 'JSON', description: '[{name, isDefault, canExpand, provisioner}]' }),
    problems: t.stringList({ description: 'What it lacks, each one sentence.' }),
    settingsVersion: t.int({ description: 'The version of the settings that it works by.' }),
    settingsProblem: t.string({ description: 'Why it did not take a newer one.' }),
  }),
});

builder.queryFields((t) => ({
  platforms: t.prismaField({
    type: [PlatformNode],
    authScopes: { user: true },
    resolve: async (_query, _root, _args, { services }) => (await services.platforms.list()).map(shown),
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
    resolve: async (_query, _root, { input }, { services, actor }) =>
      shown(await services.platforms.heartbeat(asPlatform(actor), input as PlatformHeartbeat)),
  }),
  jumpHeartbeat: t.boolean({
    authScopes: { platform: true },
    description: "For jumps: the platform's public SSH host keys.",
    args: { input: t.arg({ type: JumpHeartbeatInput, required: true }) },
    resolve: async (_root, { input }, { services, actor }) => {
      await services.platforms.jumpHeartbeat(asPlatform(actor), input);
      return true;
    },
  }),
  createPlatform: t.field({
    type: PlatformWithTokenType,
    ...refusals('NAME_TAKEN'),
    description: 'Connects a cluster: install scheduler, relay and jump there with the token.',
    args: { input: t.arg({ type: CreatePlatformInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.platformAdmin.create(asUser(actor), input),
  }),
  rotatePlatformToken: t.field({
    type: PlatformWithTokenType,
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'The old token opens nothing from now on.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { services, actor }) => services.platformAdmin.rotateToken(asUser(actor), id),
  }),
  updatePlatformSettings: t.prismaField({
    type: PlatformNode,
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'Stored at once; its scheduler tries them out and says in `settingsProblem` why it did not take them.',
    args: { id: t.arg.id({ required: true }), settings: t.arg({ type: 'JSON', required: true }) },
    resolve: async (_query, _root, { id, settings }, { services, actor }) =>
      shown(await services.platformAdmin.updateSettings(asUser(actor), id, settings)),
  }),
  setPlatformDraining: t.prismaField({
    type: PlatformNode,
    ...refusals('NOT_FOUND'),
    description: 'Nothing new starts there while it is drained; what runs goes on.',
    args: { id: t.arg.id({ required: true }), isDraining: t.arg.boolean({ required: true }) },
    resolve: async (_query, _root, { id, isDraining }, { services, actor }) =>
      shown(await services.platformAdmin.setDraining(asUser(actor), id, isDraining)),
  }),
  removePlatform: t.prismaField({
    type: PlatformNode,
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'Refused while it has environments or snapshots that are not deleted.',
    args: {
      id: t.arg.id({ required: true }),
      force: t.arg.boolean({
        required: true,
        defaultValue: false,
        description: 'Deletes what lies there without its scheduler, which must not be heard of: its cluster is gone.',
      }),
    },
    resolve: async (_query, _root, { id, force }, { services, actor }) =>
      shown(await services.platformAdmin.remove(asUser(actor), id, { force })),
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

builder.subscriptionFields((t) => ({
  platformChanged: t.prismaField({
    type: PlatformNode,
    authScopes: { user: true },
    description: 'The platform at once, then at every change; ends after its removal.',
    extensions: { shared: true },
    args: { id: t.arg.id({ required: true }) },
    subscribe: async (_root, { id }, { services, live }) => {
      const changes = isId('platform', id) ? live.platforms({ id }) : null;
      if (!changes || !isId('platform', id) || !(await services.platforms.read(id))) {
        await changes?.return?.();
        throw notFound('computing platform');
      }
      return liveStream(changes, async () => {
        const isRemoved = Boolean((await services.platforms.read(id))?.removedAt);
        return isRemoved ? { last: [{ id }] } : [{ id }];
      });
    },
    resolve: (query, event, _args, { db }) =>
      db.platform.findUniqueOrThrow({ ...query, where: { id: (event as { id: PlatformId }).id } }),
  }),
  platformsChanged: t.prismaField({
    type: [PlatformNode],
    authScopes: { user: true },
    description: 'All platforms at once, then all of them at every change.',
    extensions: { shared: true },
    subscribe: (_root, _args, { live }) => liveStream(live.platforms({}), async () => [true]),
    resolve: async (_query, _event, _args, { services }) => (await services.platforms.list()).map(shown),
  }),
}));
