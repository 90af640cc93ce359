/** Namespaces. */
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

const namespaceSchema = z.object({
  id: z.string(),
  name: z.string(),
  isDefault: z.boolean(),
  createdAt: z.string(),
  templateCount: z.number().nullable(),
  environmentCount: z.number().nullable(),
});
const NAMESPACE = 'id name isDefault createdAt templateCount environmentCount';

export const namespacesQuery = operation(`query { result: namespaces { ${NAMESPACE} } }`, z.array(namespaceSchema));

export const createNamespaceMutation = operation(
  `mutation ($name: String!) { result: createNamespace(name: $name) { ... on Namespace { ${NAMESPACE} } ${REFUSAL} } }`,
  namespaceSchema,
);

export const renameNamespaceMutation = operation(
  `mutation ($id: ID!, $name: String!) {
    result: renameNamespace(id: $id, name: $name) { ... on Namespace { ${NAMESPACE} } ${REFUSAL} } }`,
  namespaceSchema,
);

export const deleteNamespaceMutation = operation(
  `mutation ($id: ID!) { result: deleteNamespace(id: $id) { ... on Namespace { ${NAMESPACE} } ${REFUSAL} } }`,
  namespaceSchema,
);
