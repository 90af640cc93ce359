import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const roleFields = graphql(`
  fragment RoleFields on Role @_unmask { id name description scope permissions grantCount }
`);

export const roles = graphql(
  `
  query Roles {
    roles { ...RoleFields }
    permissions { name description scopes }
  }
`,
  [roleFields],
);
export type Role = ResultOf<typeof roles>['roles'][number];
export type Permission = ResultOf<typeof roles>['permissions'][number];

export const createRole = graphql(
  `
  mutation CreateRole($input: RoleInput!) {
    result: createRole(input: $input) {
      __typename
      ... on Role { ...RoleFields }
      ... on Refusal { code message }
    }
  }
`,
  [roleFields],
);

export const updateRole = graphql(
  `
  mutation UpdateRole($id: ID!, $input: RoleInput!) {
    result: updateRole(id: $id, input: $input) {
      __typename
      ... on Role { ...RoleFields }
      ... on Refusal { code message }
    }
  }
`,
  [roleFields],
);

export const deleteRole = graphql(`
  mutation DeleteRole($id: ID!) {
    result: deleteRole(id: $id) {
      __typename
      ... on Role { id }
      ... on Refusal { code message }
    }
  }
`);

/** Why somebody may what he may. */
export const permissionSources = graphql(`
  query PermissionSources($id: ID!) {
    node(id: $id) {
      __typename
      ... on User {
        id
        groups { id name }
        roles { systemRole role custom { id name } namespace { id name } group { id name } }
        permissionSources {
          permission description
          role { systemRole role custom { id name } namespace { id name } group { id name } }
        }
      }
    }
    roles { id name description scope }
  }
`);
type Explained = Extract<NonNullable<ResultOf<typeof permissionSources>['node']>, { __typename: 'User' }>;
export type PermissionSource = Explained['permissionSources'][number];

/** What people ask about most; the schema has more. */
export const EXPLAINED_ACTS = [
  'environment_read',
  'environment_inspect',
  'environment_enter',
  'environment_reach',
  'environment_start',
  'environment_operate',
  'environment_share',
  'template_read',
  'template_change',
] as const;

export const explainAccess = graphql(`
  query ExplainAccess($user: ID!, $act: Act!, $thing: ID) {
    explainAccess(user: $user, act: $act, thing: $thing) {
      isAllowed reason
      sources { permission role { systemRole role custom { id name } namespace { id name } group { id name } } }
    }
  }
`);
export type Explanation = ResultOf<typeof explainAccess>['explainAccess'];
