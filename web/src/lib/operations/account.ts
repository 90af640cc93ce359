import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const viewer = graphql(`
  query Viewer {
    me { id login name email isAdministrator permissions }
  }
`);
export type Viewer = NonNullable<ResultOf<typeof viewer>['me']>;

export const sshKeys = graphql(`
  query SshKeys {
    sshKeys { id name fingerprint algorithm createdAt expiresAt lastUsedAt lastUsedFrom verifyRequired }
  }
`);
export type SshKey = ResultOf<typeof sshKeys>['sshKeys'][number];

export const addSshKey = graphql(`
  mutation AddSshKey($input: AddSshKeyInput!) {
    result: addSshKey(input: $input) {
      __typename
      ... on SshKey { id name fingerprint algorithm createdAt expiresAt lastUsedAt lastUsedFrom verifyRequired }
      ... on Refusal { code message }
    }
  }
`);

export const removeSshKey = graphql(`
  mutation RemoveSshKey($id: ID!) {
    result: removeSshKey(id: $id) {
      __typename
      ... on SshKey { id }
      ... on Refusal { code message }
    }
  }
`);

export const sessions = graphql(`
  query Sessions {
    sessions { id userAgent address createdAt lastUsedAt expiresAt isCurrent }
  }
`);
export type Session = ResultOf<typeof sessions>['sessions'][number];

export const revokeSession = graphql(`
  mutation RevokeSession($id: ID!) {
    result: revokeSession(id: $id) {
      __typename
      ... on Session { id }
      ... on Refusal { code message }
    }
  }
`);

export const revokeOtherSessions = graphql(`
  mutation RevokeOtherSessions {
    result: revokeOtherSessions {
      __typename
      ... on RevokedSessions { count }
      ... on Refusal { code message }
    }
  }
`);

export const setPassword = graphql(`
  mutation SetPassword($input: SetPasswordInput!) {
    result: setPassword(input: $input) {
      __typename
      ... on User { id login }
      ... on Refusal { code message }
    }
  }
`);
