import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const templateDetail = graphql(`
  fragment TemplateDetail on Template @_unmask {
    id
    name
    namespace { id name isDefault }
    description
    repositoryUrl
    branch
    projectRoot
    image
    env
    scripts
    sidecars
    idePort
    inactivityMinutes
    instanceTypes
    createdAt
    environmentCount
  }
`);
export type TemplateDetail = ResultOf<typeof templateDetail>;

export const templates = graphql(
  `
    query Templates($after: String) {
      templates(first: 100, after: $after) {
        edges { node { ...TemplateDetail } }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [templateDetail],
);

export const template = graphql(
  `
    query Template($id: ID!) {
      template(id: $id) { ...TemplateDetail }
    }
  `,
  [templateDetail],
);

export const createTemplate = graphql(
  `
    mutation CreateTemplate($input: CreateTemplateInput!, $namespace: ID) {
      result: createTemplate(input: $input, namespace: $namespace) {
        __typename
        ... on Template { ...TemplateDetail }
        ... on Refusal { code message }
      }
    }
  `,
  [templateDetail],
);

export const updateTemplate = graphql(
  `
    mutation UpdateTemplate($id: ID!, $input: CreateTemplateInput!) {
      result: updateTemplate(id: $id, input: $input) {
        __typename
        ... on Template { ...TemplateDetail }
        ... on Refusal { code message }
      }
    }
  `,
  [templateDetail],
);

export const deleteTemplate = graphql(`
  mutation DeleteTemplate($id: ID!) {
    result: deleteTemplate(id: $id) {
      __typename
      ... on Template { id }
      ... on Refusal { code message }
    }
  }
`);
