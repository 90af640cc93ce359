import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const shareDetail = graphql(`
  fragment ShareDetail on Share @_unmask {
    id
    access
    ports
    note
    createdAt
    expiresAt
    user { id login name }
    group { id name }
    createdBy { id login name }
  }
`);
export type Share = ResultOf<typeof shareDetail>;

/** What others share with the viewer, as the list shows it. */
export const sharedEnvironmentsChanged = graphql(
  `
    subscription SharedEnvironmentsChanged {
      sharedEnvironmentsChanged { id name phase owner { id login name } myShare { ...ShareDetail } }
    }
  `,
  [shareDetail],
);

export const shareEnvironment = graphql(`
  mutation ShareEnvironment($input: ShareEnvironmentInput!) {
    result: shareEnvironment(input: $input) {
      __typename
      ... on Share { id }
      ... on Refusal { code message }
    }
  }
`);

export const revokeShare = graphql(`
  mutation RevokeShare($id: ID!) {
    result: revokeShare(id: $id) {
      __typename
      ... on Share { id }
      ... on Refusal { code message }
    }
  }
`);
