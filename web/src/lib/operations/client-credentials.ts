import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const clientCredentials = graphql(`
  query ClientCredentials($owner: ID!) {
    clientCredentials(owner: $owner) {
      id name kind prefix scopes createdAt expiresAt lastUsedAt lastUsedAddress
    }
  }
`);
export type ClientCredential = ResultOf<typeof clientCredentials>['clientCredentials'][number];

export const createClientCredential = graphql(`
  mutation CreateClientCredential($input: CreateClientCredentialInput!) {
    result: createClientCredential(input: $input) {
      __typename
      ... on CreatedClientCredential { secret credential { id } }
      ... on Refusal { code message }
    }
  }
`);

export const revokeClientCredential = graphql(`
  mutation RevokeClientCredential($id: ID!) {
    result: revokeClientCredential(id: $id) {
      __typename
      ... on ClientCredential { id }
      ... on Refusal { code message }
    }
  }
`);
