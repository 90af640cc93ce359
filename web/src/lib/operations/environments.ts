import { graphql, type ResultOf } from '#lib/api/graphql.ts';
import { shareDetail } from './shares.ts';
import { snapshotDetail } from './snapshots.ts';

/** What a row of the list shows. Unmasked: state classes and components take it as it is. */
export const environmentRow = graphql(`
  fragment EnvironmentRow on Environment @_unmask {
    id
    name
    version
    phase
    desired
    connectivity
    reason
    templateName
    branch
    repositoryUrl
    runtime
    generation
    createdAt
    startedAt
    stoppedAt
    lastSeenAt
    failure { class message advice step exitCode at }
    steps { name number state startedAt durationMs fraction text }
    activity { lastActiveAt sources sshSessions portStreams }
    resources { cpus memoryBytes memoryLimitBytes diskUsedBytes diskTotalBytes processes }
    git { path branch commit uncommitted unpushed }
    access { sshCommand }
  }
`);
export type EnvironmentRow = ResultOf<typeof environmentRow>;

/** The environment's own page: the row and the ways in, ports, events. */
export const environmentDetail = graphql(
  `
    fragment EnvironmentDetail on Environment @_unmask {
      ...EnvironmentRow
      template { id name }
      platform {
        id name isOnline isIsolated notice
        features { snapshots { isAvailable reason } expansion { isAvailable reason } }
      }
      instanceType { name cpus memoryBytes diskBytes gpus }
      disk { wantedBytes capacityBytes problem }
      cleanup { at isWarned }
      snapshots { ...SnapshotDetail }
      restoredFrom { id name environmentName }
      ports { port process }
      owner { id login name }
      mayShare
      myShare { ...ShareDetail }
      shares { ...ShareDetail }
      visitors { way since user { id login name } }
      access {
        sshCommand sshHost sshPort sshUser sshConfig project hostKeyFingerprint
        vscodeUrl cursorUrl windsurfUrl zedUrl gatewayUrl toolboxUrl
      }
      events(first: 100) { edges { node { id at from to cause actor } } }
    }
  `,
  [environmentRow, shareDetail, snapshotDetail],
);
export type EnvironmentDetail = ResultOf<typeof environmentDetail>;

export const environmentsChanged = graphql(
  `
    subscription EnvironmentsChanged {
      environmentsChanged { kind id environment { ...EnvironmentRow } environments { ...EnvironmentRow } }
    }
  `,
  [environmentRow],
);
export type EnvironmentsChange = ResultOf<typeof environmentsChanged>['environmentsChanged'];

export const environmentChanged = graphql(
  `
    subscription EnvironmentChanged($id: ID!) {
      environmentChanged(id: $id) { ...EnvironmentDetail }
    }
  `,
  [environmentDetail],
);

export const environmentLogAdded = graphql(`
  subscription EnvironmentLogAdded($id: ID!, $after: String) {
    environmentLog(id: $id, after: $after) { lines { cursor at source stream text } cursor hasEnded }
  }
`);

export const environmentLogPage = graphql(`
  query EnvironmentLogPage($id: ID!, $after: String, $first: Int) {
    environmentLog(id: $id, after: $after, first: $first) { lines { cursor at source stream text } cursor hasEnded }
  }
`);
export type LogLine = ResultOf<typeof environmentLogPage>['environmentLog']['lines'][number];

export const createEnvironment = graphql(`
  mutation CreateEnvironment($input: CreateEnvironmentInput!) {
    result: createEnvironment(input: $input) {
      __typename
      ... on Environment { id name version phase }
      ... on Refusal { code message }
    }
  }
`);

export const keepEnvironment = graphql(`
  mutation KeepEnvironment($id: ID!) {
    result: keepEnvironment(id: $id) {
      __typename
      ... on Environment { id version cleanup { at isWarned } }
      ... on Refusal { code message }
    }
  }
`);

export const startEnvironment = graphql(`
  mutation StartEnvironment($id: ID!) {
    result: startEnvironment(id: $id) {
      __typename
      ... on Environment { id version phase desired }
      ... on Refusal { code message }
    }
  }
`);

export const stopEnvironment = graphql(`
  mutation StopEnvironment($id: ID!) {
    result: stopEnvironment(id: $id) {
      __typename
      ... on Environment { id version phase desired }
      ... on Refusal { code message }
    }
  }
`);

export const deleteEnvironment = graphql(`
  mutation DeleteEnvironment($id: ID!, $force: Boolean!) {
    result: deleteEnvironment(id: $id, force: $force) {
      __typename
      ... on Environment { id version phase desired }
      ... on Refusal { code message }
    }
  }
`);

export const growEnvironmentDisk = graphql(`
  mutation GrowEnvironmentDisk($input: GrowEnvironmentDiskInput!) {
    result: growEnvironmentDisk(input: $input) {
      __typename
      ... on Environment { id version disk { wantedBytes capacityBytes problem } }
      ... on Refusal { code message }
    }
  }
`);
