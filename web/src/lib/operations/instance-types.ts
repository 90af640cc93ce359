import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const instanceTypeDetail = graphql(`
  fragment InstanceTypeDetail on InstanceType @_unmask {
    id name description cpus memoryBytes diskBytes gpus gpuResource storageClass zone nodeSelector serviceAccount
    createdAt environmentCount
  }
`);
export type InstanceType = ResultOf<typeof instanceTypeDetail>;

export const instanceTypes = graphql(
  `
    query InstanceTypes {
      instanceTypes { ...InstanceTypeDetail }
    }
  `,
  [instanceTypeDetail],
);

export const createInstanceType = graphql(
  `
    mutation CreateInstanceType($input: InstanceTypeInput!) {
      result: createInstanceType(input: $input) {
        __typename
        ... on InstanceType { ...InstanceTypeDetail }
        ... on Refusal { code message }
      }
    }
  `,
  [instanceTypeDetail],
);

export const updateInstanceType = graphql(
  `
    mutation UpdateInstanceType($id: ID!, $input: InstanceTypeInput!) {
      result: updateInstanceType(id: $id, input: $input) {
        __typename
        ... on InstanceType { ...InstanceTypeDetail }
        ... on Refusal { code message }
      }
    }
  `,
  [instanceTypeDetail],
);

export const deleteInstanceType = graphql(`
  mutation DeleteInstanceType($id: ID!) {
    result: deleteInstanceType(id: $id) {
      __typename
      ... on InstanceType { id }
      ... on Refusal { code message }
    }
  }
`);
