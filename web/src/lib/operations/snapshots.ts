import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const snapshotDetail = graphql(`
  fragment SnapshotDetail on Snapshot @_unmask {
    id
    name
    state
    reason
    isQuiet
    sizeBytes
    createdAt
    readyAt
    failure { class message advice }
  }
`);
export type Snapshot = ResultOf<typeof snapshotDetail>;

/** What a new environment can be made from. */
export const snapshotChoices = graphql(`
  query SnapshotChoices {
    snapshots(first: 100) {
      edges { node { id name state sizeBytes createdAt environmentName platform { name } } }
    }
  }
`);
export type SnapshotChoice = ResultOf<typeof snapshotChoices>['snapshots']['edges'][number]['node'];

export const snapshotEnvironment = graphql(
  `
    mutation SnapshotEnvironment($input: SnapshotEnvironmentInput!) {
      result: snapshotEnvironment(input: $input) {
        __typename
        ... on Snapshot { ...SnapshotDetail }
        ... on Refusal { code message }
      }
    }
  `,
  [snapshotDetail],
);

export const deleteSnapshot = graphql(`
  mutation DeleteSnapshot($id: ID!) {
    result: deleteSnapshot(id: $id) {
      __typename
      ... on Snapshot { id state }
      ... on Refusal { code message }
    }
  }
`);
