import type { InstanceTypeSpec, InstanceTypeSpecInput } from '@easel/schema/instance-type';
import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { InstanceType } from '../generated/prisma/client.ts';
import type { InstanceTypeRow } from './instance-type-row.ts';

/** The same row, as Prisma types it. */
function shown(row: InstanceTypeRow): InstanceType {
  return row as unknown as InstanceType;
}

/** What an instance type says: a type of its own, and as an environment got it. */
const InstanceTypeInterface = builder.interfaceRef<{ spec: InstanceTypeSpec }>('InstanceTypeSpec').implement({
  description: 'What an environment gets of its platform.',
  fields: (t) => ({
    name: t.string({ resolve: ({ spec }) => spec.name }),
    description: t.string({ resolve: ({ spec }) => spec.description }),
    cpus: t.float({ nullable: true, description: 'Null: the platform decides.', resolve: ({ spec }) => spec.cpus }),
    memoryBytes: t.float({
      nullable: true,
      description: 'Null: the platform decides.',
      resolve: ({ spec }) => spec.memoryBytes,
    }),
    diskBytes: t.float({ description: "A new environment's volume.", resolve: ({ spec }) => spec.diskBytes }),
    gpus: t.int({ resolve: ({ spec }) => spec.gpus }),
    gpuResource: t.string({ resolve: ({ spec }) => spec.gpuResource }),
    storageClass: t.string({
      nullable: true,
      description: "Null: the platform's, or else the cluster's default one.",
      resolve: ({ spec }) => spec.storageClass,
    }),
    zone: t.string({ nullable: true, resolve: ({ spec }) => spec.zone }),
    nodeSelector: t.field({ type: 'JSON', resolve: ({ spec }) => spec.nodeSelector }),
    serviceAccount: t.string({
      nullable: true,
      description: "Cloud policy: whose identity the worker's pod has.",
      resolve: ({ spec }) => spec.serviceAccount,
    }),
  }),
});

/** As an environment has it. */
export const EnvironmentInstanceType = builder
  .objectRef<{ spec: InstanceTypeSpec }>('EnvironmentInstanceType')
  .implement({
    interfaces: [InstanceTypeInterface],
    description: 'The instance type as it was when the environment was created.',
  });

export const InstanceTypeNode = builder.prismaNode('InstanceType', {
  id: { field: 'id' },
  authScopes: { user: true },
  interfaces: [InstanceTypeInterface as never],
  fields: (t) => ({
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    environmentCount: t.loadable({
      type: 'Int',
      description: 'Environments of everybody that have it and are not deleted.',
      load: async (ids: string[], { services }) => {
        const counts = await services.instanceTypes.environmentCounts(ids);
        return ids.map((id) => counts.get(id) ?? 0);
      },
      resolve: ({ id }) => id,
    }),
  }),
});

const InstanceTypeInput = builder.inputType('InstanceTypeInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    description: t.string(),
    cpus: t.float({ description: 'Left out: the platform decides.' }),
    memoryBytes: t.float({ description: 'Left out: the platform decides.' }),
    diskBytes: t.float({ description: '20 GiB when left out.' }),
    gpus: t.int(),
    gpuResource: t.string({ description: '`nvidia.com/gpu` when left out.' }),
    storageClass: t.string(),
    zone: t.string(),
    nodeSelector: t.field({ type: 'JSON', description: 'An object: labels that a node must have.' }),
    serviceAccount: t.string(),
  }),
});

/** GraphQL says null where the spec's schema has a default: left out is the same. The schema then says what is wrong. */
function specInput(input: typeof InstanceTypeInput.$inferInput): InstanceTypeSpecInput {
  return Object.fromEntries(
    Object.entries(input).filter(([, value]) => value !== null && value !== undefined),
  ) as InstanceTypeSpecInput;
}

builder.queryField('instanceTypes', (t) =>
  t.prismaField({
    type: [InstanceTypeNode],
    authScopes: { user: true },
    description: 'The smallest first: what an environment gets where nobody chooses.',
    resolve: async (_query, _root, _args, { services }) => (await services.instanceTypes.list()).map(shown),
  }),
);

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  const input = t.arg({ type: InstanceTypeInput, required: true });
  return {
    createInstanceType: t.prismaField({
      type: InstanceTypeNode,
      ...refusals('NAME_TAKEN'),
      args: { input },
      resolve: async (_query, _root, { input }, { services, actor }) =>
        shown(await services.instanceTypes.create(asUser(actor), specInput(input))),
    }),
    updateInstanceType: t.prismaField({
      type: InstanceTypeNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'WRONG_STATE'),
      description: 'For the next environments; those that have it keep what they have.',
      args: { id, input },
      resolve: async (_query, _root, { id, input }, { services, actor }) =>
        shown(await services.instanceTypes.update(asUser(actor), id, specInput(input))),
    }),
    deleteInstanceType: t.prismaField({
      type: InstanceTypeNode,
      ...refusals('NOT_FOUND'),
      args: { id },
      resolve: async (_query, _root, { id }, { services, actor }) =>
        shown(await services.instanceTypes.delete(asUser(actor), id)),
    }),
  };
});
