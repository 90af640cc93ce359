import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const grantFields = graphql(`
  fragment GrantFields on GrantedRole @_unmask {
    systemRole role custom { id name } namespace { id name }
  }
`);

const groupFields = graphql(
  `
  fragment GroupFields on Group @_unmask {
    id name description externalName isProvisioned memberCount module { id name } roles { ...GrantFields }
  }
`,
  [grantFields],
);

export const groups = graphql(
  `
  query Groups($search: String) {
    groups(first: 100, search: $search) {
      edges { node { ...GroupFields } }
      pageInfo { hasNextPage }
    }
    roles { id name description scope }
    signInModules { id name }
  }
`,
  [groupFields],
);
export type Group = ResultOf<typeof groups>['groups']['edges'][number]['node'];
export type Grant = Group['roles'][number];
export type CustomRole = ResultOf<typeof groups>['roles'][number];

export const groupMembers = graphql(`
  query GroupMembers($id: ID!, $search: String) {
    node(id: $id) {
      __typename
      ... on Group { id members(first: 100) { edges { node { id name login } } pageInfo { hasNextPage } } }
    }
    users(first: 10, search: $search) { edges { node { id name login } } }
  }
`);

export const createGroup = graphql(
  `
  mutation CreateGroup($input: GroupInput!) {
    result: createGroup(input: $input) {
      __typename
      ... on Group { ...GroupFields }
      ... on Refusal { code message }
    }
  }
`,
  [groupFields],
);

export const updateGroup = graphql(
  `
  mutation UpdateGroup($id: ID!, $input: GroupInput!) {
    result: updateGroup(id: $id, input: $input) {
      __typename
      ... on Group { ...GroupFields }
      ... on Refusal { code message }
    }
  }
`,
  [groupFields],
);

export const deleteGroup = graphql(`
  mutation DeleteGroup($id: ID!) {
    result: deleteGroup(id: $id) {
      __typename
      ... on Group { id }
      ... on Refusal { code message }
    }
  }
`);

export const changeGroupMembers = graphql(`
  mutation ChangeGroupMembers($id: ID!, $add: [ID!], $remove: [ID!]) {
    result: changeGroupMembers(id: $id, add: $add, remove: $remove) {
      __typename
      ... on Group { id memberCount members(first: 100) { edges { node { id name login } } pageInfo { hasNextPage } } }
      ... on Refusal { code message }
    }
  }
`);
