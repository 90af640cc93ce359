import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const tokenFields = graphql(`
  fragment TokenFields on ApiToken @_unmask {
    id name prefix createdAt expiresAt lastUsedAt lastUsedAddress scopes rotatedFrom
  }
`);

export const apiTokens = graphql(
  `
  query ApiTokens($owner: ID) {
    apiTokens(owner: $owner) { ...TokenFields }
  }
`,
  [tokenFields],
);
export type ApiToken = ResultOf<typeof apiTokens>['apiTokens'][number];

export const tokenPolicy = graphql(`
  query TokenPolicy {
    apiTokenPolicy { maxDays scopes { name description includes } }
  }
`);

export const createApiToken = graphql(
  `
  mutation CreateApiToken($input: CreateApiTokenInput!) {
    result: createApiToken(input: $input) {
      __typename
      ... on CreatedApiToken { token apiToken { ...TokenFields } }
      ... on Refusal { code message }
    }
  }
`,
  [tokenFields],
);

export const rotateApiToken = graphql(
  `
  mutation RotateApiToken($id: ID!, $overlapHours: Int) {
    result: rotateApiToken(id: $id, overlapHours: $overlapHours) {
      __typename
      ... on CreatedApiToken { token apiToken { ...TokenFields } }
      ... on Refusal { code message }
    }
  }
`,
  [tokenFields],
);

export const revokeApiToken = graphql(`
  mutation RevokeApiToken($id: ID!) {
    result: revokeApiToken(id: $id) {
      __typename
      ... on ApiToken { id }
      ... on Refusal { code message }
    }
  }
`);
