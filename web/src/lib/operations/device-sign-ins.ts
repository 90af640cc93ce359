import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const deviceSignIn = graphql(`
  query DeviceSignIn($code: String!) {
    deviceSignIn(code: $code) { id name address isFromHere createdAt expiresAt }
  }
`);
export type DeviceSignIn = NonNullable<ResultOf<typeof deviceSignIn>['deviceSignIn']>;

export const approveDeviceSignIn = graphql(`
  mutation ApproveDeviceSignIn($code: String!) {
    result: approveDeviceSignIn(code: $code) {
      __typename
      ... on DeviceSignIn { id }
      ... on Refusal { code message }
    }
  }
`);

export const denyDeviceSignIn = graphql(`
  mutation DenyDeviceSignIn($code: String!) {
    result: denyDeviceSignIn(code: $code) {
      __typename
      ... on DeviceSignIn { id }
      ... on Refusal { code message }
    }
  }
`);
