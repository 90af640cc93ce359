import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const namespaceFields = graphql(`
  fragment NamespaceFields on Namespace @_unmask {
    id name isDefault mayEditTemplates templateCount environmentCount
  }
`);

export const namespaces = graphql(
  `
  query Namespaces { namespaces { ...NamespaceFields } }
`,
  [namespaceFields],
);
export type Namespace = ResultOf<typeof namespaces>['namespaces'][number];

export const createNamespace = graphql(
  `
  mutation CreateNamespace($name: String!) {
    result: createNamespace(name: $name) {
      __typename
      ... on Namespace { ...NamespaceFields }
      ... on Refusal { code message }
    }
  }
`,
  [namespaceFields],
);

export const renameNamespace = graphql(
  `
  mutation RenameNamespace($id: ID!, $name: String!) {
    result: renameNamespace(id: $id, name: $name) {
      __typename
      ... on Namespace { ...NamespaceFields }
      ... on Refusal { code message }
    }
  }
`,
  [namespaceFields],
);

export const deleteNamespace = graphql(`
  mutation DeleteNamespace($id: ID!) {
    result: deleteNamespace(id: $id) {
      __typename
      ... on Namespace { id }
      ... on Refusal { code message }
    }
  }
`);
