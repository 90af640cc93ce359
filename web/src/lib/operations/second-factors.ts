import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const secondFactors = graphql(`
  query SecondFactors {
    me { id hasPassword }
    secondFactors {
      authenticatorApp { createdAt lastUsedAt }
      passkeys { id name isSynced createdAt lastUsedAt }
      recoveryCodesLeft
      isRequired
    }
  }
`);
export type Passkey = ResultOf<typeof secondFactors>['secondFactors']['passkeys'][number];

export const removeAuthenticatorApp = graphql(`
  mutation RemoveAuthenticatorApp {
    result: removeAuthenticatorApp {
      __typename
      ... on SecondFactors { recoveryCodesLeft }
      ... on Refusal { code message }
    }
  }
`);

export const removePasskey = graphql(`
  mutation RemovePasskey($id: ID!) {
    result: removePasskey(id: $id) {
      __typename
      ... on SecondFactors { recoveryCodesLeft }
      ... on Refusal { code message }
    }
  }
`);

export const renamePasskey = graphql(`
  mutation RenamePasskey($id: ID!, $name: String!) {
    result: renamePasskey(id: $id, name: $name) {
      __typename
      ... on SecondFactors { passkeys { id name } }
      ... on Refusal { code message }
    }
  }
`);

export const createRecoveryCodes = graphql(`
  mutation CreateRecoveryCodes {
    result: createRecoveryCodes {
      __typename
      ... on NewRecoveryCodes { recoveryCodes }
      ... on Refusal { code message }
    }
  }
`);

export const secondFactorPolicy = graphql(`
  query SecondFactorPolicy {
    secondFactorPolicy { isRequired requiredRoles }
  }
`);

export const setSecondFactorPolicy = graphql(`
  mutation SetSecondFactorPolicy($input: SecondFactorPolicyInput!) {
    result: setSecondFactorPolicy(input: $input) {
      __typename
      ... on SecondFactorPolicy { isRequired requiredRoles }
      ... on Refusal { code message }
    }
  }
`);
