/** Computing platforms: what everybody sees, and what administrators do. */
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

const featureSchema = z.object({ isAvailable: z.boolean(), reason: z.string().nullable() });

const platformSchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  isOnline: z.boolean(),
  isDraining: z.boolean(),
  version: z.string().nullable(),
  clusterVersion: z.string().nullable(),
  runtime: z.string().nullable(),
  isIsolated: z.boolean(),
  notice: z.string().nullable(),
  problems: z.array(z.string()),
  settingsProblem: z.string().nullable(),
  features: z.object({ snapshots: featureSchema, expansion: featureSchema }).nullable(),
  environmentCount: z.number(),
  lastSeenAt: z.string().nullable(),
  relayUrl: z.string().nullable(),
  sshHost: z.string().nullable(),
  sshPort: z.number().nullable(),
});
export type Platform = z.output<typeof platformSchema>;

const PLATFORM = `
  id name kind isOnline isDraining version clusterVersion runtime isIsolated notice problems settingsProblem
  features { snapshots { isAvailable reason } expansion { isAvailable reason } }
  environmentCount lastSeenAt relayUrl sshHost sshPort`;

export const platformsQuery = operation(`query { result: platforms { ${PLATFORM} } }`, z.array(platformSchema));

/** The token is shown this once. */
const withTokenSchema = z.object({ token: z.string(), platform: platformSchema });
const WITH_TOKEN = `... on PlatformWithToken { token platform { ${PLATFORM} } }`;

export const createPlatformMutation = operation(
  `mutation ($input: CreatePlatformInput!) { result: createPlatform(input: $input) { ${WITH_TOKEN} ${REFUSAL} } }`,
  withTokenSchema,
);

export const rotatePlatformTokenMutation = operation(
  `mutation ($id: ID!) { result: rotatePlatformToken(id: $id) { ${WITH_TOKEN} ${REFUSAL} } }`,
  withTokenSchema,
);

export const setPlatformDrainingMutation = operation(
  `mutation ($id: ID!, $isDraining: Boolean!) {
    result: setPlatformDraining(id: $id, isDraining: $isDraining) { ... on Platform { ${PLATFORM} } ${REFUSAL} }
  }`,
  platformSchema,
);

export const removePlatformMutation = operation(
  `mutation ($id: ID!, $force: Boolean!) { result: removePlatform(id: $id, force: $force) { ... on Platform { ${PLATFORM} } ${REFUSAL} } }`,
  platformSchema,
);
