import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const personFields = graphql(`
  fragment PersonFields on User @_unmask {
    id login name kind email systemRole role createdAt disabledAt hasPassword hasSecondFactor
  }
`);

export const people = graphql(
  `
  query People($after: String, $search: String) {
    users(first: 100, after: $after, search: $search) {
      edges { node { ...PersonFields } }
      pageInfo { hasNextPage endCursor }
    }
    invitations { id name email systemRole role invitedBy createdAt expiresAt }
  }
`,
  [personFields],
);
export const person = graphql(`
  query Person($id: ID!) {
    node(id: $id) {
      __typename
      ... on User { id login name kind disabledAt }
    }
  }
`);

export type Person = ResultOf<typeof people>['users']['edges'][number]['node'];
export type Invitation = ResultOf<typeof people>['invitations'][number];

export const createInvitation = graphql(`
  mutation CreateInvitation($input: CreateInvitationInput!) {
    result: createInvitation(input: $input) {
      __typename
      ... on CreatedInvitation { joinPath isMailed invitation { id } }
      ... on Refusal { code message }
    }
  }
`);

export const withdrawInvitation = graphql(`
  mutation WithdrawInvitation($id: ID!) {
    result: withdrawInvitation(id: $id) {
      __typename
      ... on Invitation { id }
      ... on Refusal { code message }
    }
  }
`);

export const createServiceAccount = graphql(`
  mutation CreateServiceAccount($input: CreateServiceAccountInput!) {
    result: createServiceAccount(input: $input) {
      __typename
      ... on User { id login name }
      ... on Refusal { code message }
    }
  }
`);

export const setUserRoles = graphql(
  `
  mutation SetUserRoles($id: ID!, $roles: RolesInput!) {
    result: setUserRoles(id: $id, roles: $roles) {
      __typename
      ... on User { ...PersonFields }
      ... on Refusal { code message }
    }
  }
`,
  [personFields],
);

export const setUserDisabled = graphql(
  `
  mutation SetUserDisabled($id: ID!, $isDisabled: Boolean!) {
    result: setUserDisabled(id: $id, isDisabled: $isDisabled) {
      __typename
      ... on User { ...PersonFields }
      ... on Refusal { code message }
    }
  }
`,
  [personFields],
);

export const resetSecondFactors = graphql(`
  mutation ResetSecondFactors($id: ID!) {
    result: resetSecondFactors(id: $id) {
      __typename
      ... on User { id hasSecondFactor }
      ... on Refusal { code message }
    }
  }
`);

export const resetUserPassword = graphql(`
  mutation ResetUserPassword($id: ID!) {
    result: resetUserPassword(id: $id) {
      __typename
      ... on PasswordReset { signInPath isMailed user { id hasPassword } }
      ... on Refusal { code message }
    }
  }
`);
