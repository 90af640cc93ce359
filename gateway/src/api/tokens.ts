/** API tokens: one's own, and those of service accounts. */
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  lastUsedAddress: z.string().nullable(),
  /** Null: all that the owner may. */
  scopes: z.array(z.string()).nullable(),
  /** Id of the token whose place it takes. */
  rotatedFrom: z.string().nullable(),
});
export type ApiToken = z.output<typeof tokenSchema>;
const TOKEN = 'id name prefix createdAt expiresAt lastUsedAt lastUsedAddress scopes rotatedFrom';

const createdSchema = z.object({ token: z.string(), apiToken: tokenSchema });
export type CreatedToken = z.output<typeof createdSchema>;
const CREATED = `... on CreatedApiToken { token apiToken { ${TOKEN} } }`;

export const apiTokensQuery = operation(
  `query ($owner: ID) { result: apiTokens(owner: $owner) { ${TOKEN} } }`,
  z.array(tokenSchema),
);

export const createApiTokenMutation = operation(
  `mutation ($input: CreateApiTokenInput!) { result: createApiToken(input: $input) { ${CREATED} ${REFUSAL} } }`,
  createdSchema,
);

export const rotateApiTokenMutation = operation(
  `mutation ($id: ID!, $overlapHours: Int) {
    result: rotateApiToken(id: $id, overlapHours: $overlapHours) { ${CREATED} ${REFUSAL} }
  }`,
  createdSchema,
);

export const revokeApiTokenMutation = operation(
  `mutation ($id: ID!) { result: revokeApiToken(id: $id) { ... on ApiToken { ${TOKEN} } ${REFUSAL} } }`,
  tokenSchema,
);

export const tokenPolicyQuery = operation(
  'query { result: apiTokenPolicy { maxDays scopes { name description includes } } }',
  z.object({
    maxDays: z.number(),
    scopes: z.array(z.object({ name: z.string(), description: z.string(), includes: z.array(z.string()) })),
  }),
);
