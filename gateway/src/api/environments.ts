/** Environments and their logs. */
import { failureClasses } from '@easel/schema/failure';
import { CONNECTIVITIES, DESIRED_STATES, ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { STEP_NAMES, STEP_STATES } from '@easel/schema/states/step';
import { z } from 'zod';
import { operation, page, REFUSAL } from './operation.ts';

const stepSchema = z.object({
  name: z.enum(STEP_NAMES),
  number: z.number(),
  state: z.enum(STEP_STATES),
  startedAt: z.string().nullable(),
  durationMs: z.number().nullable(),
  fraction: z.number().nullable(),
  text: z.string(),
});
export type Step = z.output<typeof stepSchema>;

const environmentSchema = z.object({
  id: z.string(),
  name: z.string(),
  version: z.number(),
  phase: z.enum(ENVIRONMENT_PHASES),
  desired: z.enum(DESIRED_STATES),
  connectivity: z.enum(CONNECTIVITIES),
  reason: z.string().nullable(),
  failure: z
    .object({
      class: z.enum(failureClasses),
      message: z.string(),
      advice: z.string(),
      step: z.enum(STEP_NAMES).nullable(),
      exitCode: z.number().nullable(),
      at: z.string(),
    })
    .nullable(),
  steps: z.array(stepSchema),
  templateName: z.string(),
  idePort: z.number().nullable(),
  branch: z.string().nullable(),
  repositoryUrl: z.string(),
  platform: z.object({ name: z.string() }).nullable(),
  runtime: z.string().nullable(),
  generation: z.number(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  stoppedAt: z.string().nullable(),
  lastSeenAt: z.string().nullable(),
  activity: z
    .object({
      lastActiveAt: z.string().nullable(),
      sources: z.array(z.string()),
      sshSessions: z.number(),
      portStreams: z.number(),
    })
    .nullable(),
  resources: z
    .object({
      cpus: z.number(),
      memoryBytes: z.number(),
      memoryLimitBytes: z.number().nullable(),
      diskUsedBytes: z.number(),
      diskTotalBytes: z.number(),
      processes: z.number(),
    })
    .nullable(),
  git: z.array(
    z.object({
      path: z.string(),
      branch: z.string().nullable(),
      commit: z.string().nullable(),
      uncommitted: z.number(),
      unpushed: z.number().nullable(),
    }),
  ),
  ports: z.array(z.object({ port: z.number(), process: z.string().nullable() })),
});
export type Environment = z.output<typeof environmentSchema>;

const ENVIRONMENT = `
  id name version phase desired connectivity reason
  failure { class message advice step exitCode at }
  steps { name number state startedAt durationMs fraction text }
  templateName idePort branch repositoryUrl platform { name } runtime generation
  createdAt startedAt stoppedAt lastSeenAt
  activity { lastActiveAt sources sshSessions portStreams }
  resources { cpus memoryBytes memoryLimitBytes diskUsedBytes diskTotalBytes processes }
  git { path branch commit uncommitted unpushed }
  ports { port process }`;

/** They become arguments of `ssh` and lines of its configuration: nothing that could be an option or a second line. */
const sshHostSchema = z.string().regex(/^[A-Za-z0-9:][A-Za-z0-9.:%_-]*$/, 'expected a host');
const sshUserSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'expected a login');
const sshPortSchema = z.number().int().min(1).max(65_535);
const hostKeysSchema = z.array(z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/, 'expected a public host key'));

/** The ways in; null while there is nothing to reach. */
const accessSchema = z.object({
  sshCommand: z.string(),
  sshHost: sshHostSchema,
  sshPort: sshPortSchema,
  sshUser: sshUserSchema,
  project: z.string(),
  hostKeyFingerprint: z.string(),
  vscodeUrl: z.string(),
  gatewayUrl: z.string(),
  toolboxUrl: z.string(),
});
const ACCESS =
  'access { sshCommand sshHost sshPort sshUser project hostKeyFingerprint vscodeUrl gatewayUrl toolboxUrl }';

/** The environment with the ways in. */
const environmentWithAccessSchema = environmentSchema.extend({
  access: accessSchema.nullable(),
  platform: z.object({ name: z.string(), sshHostKeys: hostKeysSchema }).nullable(),
});
export type EnvironmentWithAccess = z.output<typeof environmentWithAccessSchema>;

export const environmentQuery = operation(
  `query ($id: ID, $name: String) {
    result: environment(id: $id, name: $name) { ${ENVIRONMENT} ${ACCESS} platform { sshHostKeys } }
  }`,
  environmentWithAccessSchema.nullable(),
);

export const environmentsQuery = operation(
  `query ($first: Int, $after: String, $phases: [EnvironmentPhase!], $search: String) {
    result: environments(first: $first, after: $after, phases: $phases, search: $search) {
      pageInfo { hasNextPage endCursor }
      edges { node { ${ENVIRONMENT} } }
    }
  }`,
  page(environmentSchema),
);

export const environmentNamesQuery = operation(
  `query ($first: Int, $after: String) {
    result: environments(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      edges { node { name phase } }
    }
  }`,
  page(z.object({ name: z.string(), phase: z.string() })),
);

/** What a block of ssh's configuration needs; also while the environment is stopped. */
export const sshHostsQuery = operation(
  `query ($first: Int, $after: String) {
    result: environments(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      edges { node { name platform { sshHost sshPort sshHostKeys } } }
    }
  }`,
  page(
    z.object({
      name: sshUserSchema,
      platform: z
        .object({ sshHost: sshHostSchema.nullable(), sshPort: sshPortSchema.nullable(), sshHostKeys: hostKeysSchema })
        .nullable(),
    }),
  ),
);

export const createEnvironmentMutation = operation(
  `mutation ($input: CreateEnvironmentInput!) {
    result: createEnvironment(input: $input) { ... on Environment { ${ENVIRONMENT} } ${REFUSAL} }
  }`,
  environmentSchema,
);

export const startEnvironmentMutation = operation(
  `mutation ($id: ID!) { result: startEnvironment(id: $id) { ... on Environment { ${ENVIRONMENT} } ${REFUSAL} } }`,
  environmentSchema,
);

export const stopEnvironmentMutation = operation(
  `mutation ($id: ID!) { result: stopEnvironment(id: $id) { ... on Environment { ${ENVIRONMENT} } ${REFUSAL} } }`,
  environmentSchema,
);

export const deleteEnvironmentMutation = operation(
  `mutation ($id: ID!, $force: Boolean) {
    result: deleteEnvironment(id: $id, force: $force) { ... on Environment { ${ENVIRONMENT} } ${REFUSAL} }
  }`,
  environmentSchema,
);

export const keepEnvironmentMutation = operation(
  `mutation ($id: ID!) {
    result: keepEnvironment(id: $id) { ... on Environment { id name cleanup { at isWarned } } ${REFUSAL} }
  }`,
  z.object({
    id: z.string(),
    name: z.string(),
    cleanup: z.object({ at: z.string(), isWarned: z.boolean() }).nullable(),
  }),
);

export const environmentChanged = operation(
  `subscription ($id: ID!) { result: environmentChanged(id: $id) { ${ENVIRONMENT} } }`,
  environmentSchema,
);

const logLineSchema = z.object({
  cursor: z.string(),
  at: z.string(),
  source: z.string(),
  stream: z.enum(['stdout', 'stderr', 'system']),
  text: z.string(),
});
export type LogLine = z.output<typeof logLineSchema>;

const logChunkSchema = z.object({
  lines: z.array(logLineSchema),
  cursor: z.string().nullable(),
  hasEnded: z.boolean(),
});
export type LogChunk = z.output<typeof logChunkSchema>;

const LOG_CHUNK = 'lines { cursor at source stream text } cursor hasEnded';

export const environmentLogQuery = operation(
  `query ($id: ID!, $after: String, $first: Int, $source: String) {
    result: environmentLog(id: $id, after: $after, first: $first, source: $source) { ${LOG_CHUNK} }
  }`,
  logChunkSchema,
);

export const environmentLogAdded = operation(
  `subscription ($id: ID!, $after: String, $source: String) {
    result: environmentLog(id: $id, after: $after, source: $source) { ${LOG_CHUNK} }
  }`,
  logChunkSchema,
);
