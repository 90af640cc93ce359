import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const linkedAccounts = graphql(`
  query LinkedAccounts($user: ID) {
    linkedAccounts(user: $user) { module moduleName subject email createdAt lastUsedAt }
  }
`);
export type LinkedAccount = ResultOf<typeof linkedAccounts>['linkedAccounts'][number];

export const linkAccount = graphql(`
  mutation LinkAccount($module: ID!) {
    result: linkAccount(module: $module) {
      __typename
      ... on LinkStart { path }
      ... on Refusal { code message }
    }
  }
`);

export const linkDirectoryAccount = graphql(`
  mutation LinkDirectoryAccount($module: ID!, $login: String!, $password: String!) {
    result: linkDirectoryAccount(module: $module, login: $login, password: $password) {
      __typename
      ... on MutationLinkDirectoryAccountSuccess { data { module subject } }
      ... on Refusal { code message }
    }
  }
`);

export const unlinkAccount = graphql(`
  mutation UnlinkAccount($module: ID!, $subject: String!, $user: ID) {
    result: unlinkAccount(module: $module, subject: $subject, user: $user) {
      __typename
      ... on LinkedAccount { module subject }
      ... on Refusal { code message }
    }
  }
`);
