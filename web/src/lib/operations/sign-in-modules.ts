import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const moduleFields = graphql(`
  fragment SignInModuleFields on SignInModule @_unmask {
    id name isEnabled issuer clientId scopes mayRegister allowedDomains trustsEmail role callbackPath
  }
`);

export const signInModules = graphql(
  `
  query SignInModules {
    signInModules { ...SignInModuleFields }
  }
`,
  [moduleFields],
);
export type SignInModule = ResultOf<typeof signInModules>['signInModules'][number];

export const createSignInModule = graphql(
  `
  mutation CreateSignInModule($input: SignInModuleInput!) {
    result: createSignInModule(input: $input) {
      __typename
      ... on SignInModule { ...SignInModuleFields }
      ... on Refusal { code message }
    }
  }
`,
  [moduleFields],
);

export const updateSignInModule = graphql(
  `
  mutation UpdateSignInModule($id: ID!, $input: SignInModuleInput!) {
    result: updateSignInModule(id: $id, input: $input) {
      __typename
      ... on SignInModule { ...SignInModuleFields }
      ... on Refusal { code message }
    }
  }
`,
  [moduleFields],
);

export const deleteSignInModule = graphql(`
  mutation DeleteSignInModule($id: ID!) {
    result: deleteSignInModule(id: $id) {
      __typename
      ... on SignInModule { id }
      ... on Refusal { code message }
    }
  }
`);
