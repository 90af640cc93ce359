/** Groups, roles that people made, and why somebody may something. */
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

const named = z.object({ id: z.string(), name: z.string() });
const grantSchema = z.object({
  systemRole: z.string().nullable(),
  role: z.string().nullable(),
  custom: named.nullable(),
  namespace: named.nullable(),
});
export type Grant = z.output<typeof grantSchema>;
const GRANT = 'systemRole role custom { id name } namespace { id name }';

const groupSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  memberCount: z.number().nullable(),
  externalName: z.string().nullable(),
  isProvisioned: z.boolean(),
  roles: z.array(grantSchema),
});
export type Group = z.output<typeof groupSchema>;
const GROUP = `id name description memberCount externalName isProvisioned roles { ${GRANT} }`;

const edges = <Node extends z.ZodType>(node: Node) => z.object({ edges: z.array(z.object({ node })) });

export const groupsQuery = operation(
  `query ($search: String) { result: groups(first: 200, search: $search) { edges { node { ${GROUP} } } } }`,
  edges(groupSchema),
);

export const createGroupMutation = operation(
  `mutation ($input: GroupInput!) { result: createGroup(input: $input) { ... on Group { ${GROUP} } ${REFUSAL} } }`,
  groupSchema,
);

export const deleteGroupMutation = operation(
  `mutation ($id: ID!) { result: deleteGroup(id: $id) { ... on Group { id name } ${REFUSAL} } }`,
  named,
);

export const changeGroupMembersMutation = operation(
  `mutation ($id: ID!, $add: [ID!], $remove: [ID!]) {
    result: changeGroupMembers(id: $id, add: $add, remove: $remove) { ... on Group { ${GROUP} } ${REFUSAL} } }`,
  groupSchema,
);

const userSchema = z.object({ id: z.string(), login: z.string(), name: z.string() });
export type User = z.output<typeof userSchema>;

export const usersQuery = operation(
  'query ($search: String!) { result: users(first: 200, search: $search) { edges { node { id login name } } } }',
  edges(userSchema),
);

export const serviceAccountsQuery = operation(
  'query { result: users(first: 200, kind: service) { edges { node { id login name } } } }',
  edges(userSchema),
);

export const groupMembersQuery = operation(
  `query ($id: ID!) { result: node(id: $id) { ... on Group {
    members(first: 200) { edges { node { id login name } } pageInfo { hasNextPage } } } } }`,
  z.object({ members: edges(userSchema).extend({ pageInfo: z.object({ hasNextPage: z.boolean() }) }) }).nullable(),
);

const roleSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  scope: z.string(),
  permissions: z.array(z.string()),
  grantCount: z.number(),
});
const ROLE = 'id name description scope permissions grantCount';

export const rolesQuery = operation(`query { result: roles { ${ROLE} } }`, z.array(roleSchema));

export const permissionsQuery = operation(
  'query { result: permissions { name description scopes } }',
  z.array(z.object({ name: z.string(), description: z.string(), scopes: z.array(z.string()) })),
);

export const createRoleMutation = operation(
  `mutation ($input: RoleInput!) { result: createRole(input: $input) { ... on Role { ${ROLE} } ${REFUSAL} } }`,
  roleSchema,
);

export const deleteRoleMutation = operation(
  `mutation ($id: ID!) { result: deleteRole(id: $id) { ... on Role { id name } ${REFUSAL} } }`,
  named,
);

const sourceSchema = z.object({ permission: z.string(), role: grantSchema.extend({ group: named.nullable() }) });
export type Source = z.output<typeof sourceSchema>;
const SOURCE = `permission role { ${GRANT} group { id name } }`;

export const permissionSourcesQuery = operation(
  `query ($id: ID!) { result: node(id: $id) { ... on User { permissionSources { ${SOURCE} } } } }`,
  z.object({ permissionSources: z.array(sourceSchema) }).nullable(),
);

export const explainAccessQuery = operation(
  `query ($user: ID!, $act: Act!, $thing: ID) {
    result: explainAccess(user: $user, act: $act, thing: $thing) { isAllowed reason permission sources { ${SOURCE} } } }`,
  z.object({
    isAllowed: z.boolean(),
    reason: z.string(),
    permission: z.string().nullable(),
    sources: z.array(sourceSchema),
  }),
);
