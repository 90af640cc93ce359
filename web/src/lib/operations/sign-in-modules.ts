import { graphql, type ResultOf, type VariablesOf } from '#lib/api/graphql.ts';

const moduleFields = graphql(`
  fragment SignInModuleFields on SignInModule @_unmask {
    id kind name isEnabled issuer clientId scopes groupsClaim allowedOrganisations mayRegister allowedDomains trustsEmail syncsGroups role callbackPath
    saml {
      metadataUrl serviceMetadataPath signsRequests wantedSignatures mayBeginAtProvider nameIdFormat
      subjectAttribute nameAttribute loginAttribute emailAttribute groupsAttribute sessionHours
      provider { entityId entryPoint fetchedAt problem certificates { pem subject fingerprint validUntil } }
    }
    ldap {
      directory url startsTls caCertificate bindDn baseDn userFilter loginAttribute nameAttribute mailAttribute
      subjectAttribute groupBaseDn groupNameAttribute
    }
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

export type ModuleInput = VariablesOf<typeof createSignInModule>['input'];

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

export const readSamlMetadata = graphql(
  `
  mutation ReadSamlMetadata($id: ID!) {
    result: readSamlMetadata(id: $id) {
      __typename
      ... on SignInModule { ...SignInModuleFields }
      ... on Refusal { code message }
    }
  }
`,
  [moduleFields],
);

export const moveSignInModule = graphql(`
  mutation MoveSignInModule($id: ID!, $position: Int!) {
    result: moveSignInModule(id: $id, position: $position) {
      __typename
      ... on SignInModule { id }
      ... on Refusal { code message }
    }
  }
`);

export const checkSignInModule = graphql(`
  mutation CheckSignInModule($id: ID!, $login: String) {
    result: checkSignInModule(id: $id, login: $login) {
      __typename
      ... on SignInCheck { steps { step isGood message } }
      ... on Refusal { code message }
    }
  }
`);

export const deleteSignInModule = graphql(`
  mutation DeleteSignInModule($id: ID!) {
    result: deleteSignInModule(id: $id) {
      __typename
      ... on SignInModule { id }
      ... on Refusal { code message }
    }
  }
`);
