/** What owners share of their environments, and what is shared with the caller. */
import { SHARE_ACCESS } from '@easel/schema/share';
import { ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

const shareSchema = z.object({
  id: z.string(),
  access: z.enum(SHARE_ACCESS),
  ports: z.array(z.number()),
  note: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  user: z.object({ login: z.string(), name: z.string() }).nullable(),
  group: z.object({ name: z.string() }).nullable(),
});
export type Share = z.output<typeof shareSchema>;
const SHARE = 'id access ports note createdAt expiresAt user { login name } group { name }';

export const sharesQuery = operation(
  `query ($id: ID, $name: String) { result: environment(id: $id, name: $name) { id name shares { ${SHARE} } } }`,
  z.object({ id: z.string(), name: z.string(), shares: z.array(shareSchema) }).nullable(),
);

export const receivedQuery = operation(
  `query { result: sharedEnvironments { id name phase owner { login } myShare { ${SHARE} } } }`,
  z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      phase: z.enum(ENVIRONMENT_PHASES),
      owner: z.object({ login: z.string() }),
      myShare: shareSchema.nullable(),
    }),
  ),
);

export const shareEnvironmentMutation = operation(
  `mutation ($input: ShareEnvironmentInput!) {
    result: shareEnvironment(input: $input) { ... on Share { ${SHARE} } ${REFUSAL} }
  }`,
  shareSchema,
);

export const revokeShareMutation = operation(
  `mutation ($id: ID!) { result: revokeShare(id: $id) { ... on Share { ${SHARE} } ${REFUSAL} } }`,
  shareSchema,
);
