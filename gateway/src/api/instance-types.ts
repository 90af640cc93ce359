/** Instance types: what an environment gets of its platform. */
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

const instanceTypeSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  cpus: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  diskBytes: z.number(),
  gpus: z.number(),
  gpuResource: z.string(),
  storageClass: z.string().nullable(),
  zone: z.string().nullable(),
  nodeSelector: z.record(z.string(), z.string()),
  serviceAccount: z.string().nullable(),
  createdAt: z.string(),
  environmentCount: z.number(),
});
const INSTANCE_TYPE = `
  id name description cpus memoryBytes diskBytes gpus gpuResource storageClass zone nodeSelector serviceAccount
  createdAt environmentCount`;

export const instanceTypesQuery = operation(
  `query { result: instanceTypes { ${INSTANCE_TYPE} } }`,
  z.array(instanceTypeSchema),
);

export const createInstanceTypeMutation = operation(
  `mutation ($input: InstanceTypeInput!) {
    result: createInstanceType(input: $input) { ... on InstanceType { ${INSTANCE_TYPE} } ${REFUSAL} }
  }`,
  instanceTypeSchema,
);

export const deleteInstanceTypeMutation = operation(
  `mutation ($id: ID!) { result: deleteInstanceType(id: $id) { ... on InstanceType { ${INSTANCE_TYPE} } ${REFUSAL} } }`,
  instanceTypeSchema,
);
