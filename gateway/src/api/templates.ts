/** Templates. */
import { z } from 'zod';
import { operation, page, REFUSAL } from './operation.ts';

const templateSchema = z.object({
  id: z.string(),
  name: z.string(),
  namespace: z.object({ id: z.string(), name: z.string(), isDefault: z.boolean() }),
  description: z.string(),
  repositoryUrl: z.string(),
  branch: z.string().nullable(),
  projectRoot: z.string(),
  image: z.string().nullable(),
  env: z.record(z.string(), z.string()),
  scripts: z.record(z.string(), z.unknown()),
  sidecars: z.array(z.record(z.string(), z.unknown())),
  idePort: z.number().nullable(),
  inactivityMinutes: z.number(),
  instanceTypes: z.array(z.string()),
  createdAt: z.string(),
  environmentCount: z.number(),
});
export type Template = z.output<typeof templateSchema>;

const TEMPLATE = `
  id name namespace { id name isDefault } description repositoryUrl branch projectRoot image env scripts sidecars idePort inactivityMinutes
  instanceTypes createdAt environmentCount`;

export const templateQuery = operation(
  `query ($id: ID, $name: String) { result: template(id: $id, name: $name) { ${TEMPLATE} } }`,
  templateSchema.nullable(),
);

export const templatesQuery = operation(
  `query ($first: Int, $after: String) {
    result: templates(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      edges { node { ${TEMPLATE} } }
    }
  }`,
  page(templateSchema),
);

export const createTemplateMutation = operation(
  `mutation ($input: CreateTemplateInput!, $namespace: ID) {
    result: createTemplate(input: $input, namespace: $namespace) { ... on Template { ${TEMPLATE} } ${REFUSAL} }
  }`,
  templateSchema,
);

export const updateTemplateMutation = operation(
  `mutation ($id: ID!, $input: CreateTemplateInput!) {
    result: updateTemplate(id: $id, input: $input) { ... on Template { ${TEMPLATE} } ${REFUSAL} }
  }`,
  templateSchema,
);

export const deleteTemplateMutation = operation(
  `mutation ($id: ID!) { result: deleteTemplate(id: $id) { ... on Template { ${TEMPLATE} } ${REFUSAL} } }`,
  templateSchema,
);
