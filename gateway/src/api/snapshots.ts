/** Snapshots of environments' disks, and the disks themselves. */
import { SNAPSHOT_STATES } from '@easel/schema/states/snapshot';
import { z } from 'zod';
import { operation, page, REFUSAL } from './operation.ts';

const snapshotSchema = z.object({
  id: z.string(),
  name: z.string(),
  environmentName: z.string(),
  state: z.enum(SNAPSHOT_STATES),
  reason: z.string().nullable(),
  isQuiet: z.boolean().nullable(),
  sizeBytes: z.number().nullable(),
  createdAt: z.string(),
  readyAt: z.string().nullable(),
  failure: z.object({ class: z.string(), message: z.string(), advice: z.string() }).nullable(),
  platform: z.object({ name: z.string() }),
});
export type Snapshot = z.output<typeof snapshotSchema>;

const SNAPSHOT = `
  id name environmentName state reason isQuiet sizeBytes createdAt readyAt failure { class message advice }
  platform { name }`;

export const snapshotsQuery = operation(
  `query ($first: Int, $after: String) {
    result: snapshots(first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      edges { node { ${SNAPSHOT} } }
    }
  }`,
  page(snapshotSchema),
);

export const snapshotEnvironmentMutation = operation(
  `mutation ($input: SnapshotEnvironmentInput!) {
    result: snapshotEnvironment(input: $input) { ... on Snapshot { ${SNAPSHOT} } ${REFUSAL} }
  }`,
  snapshotSchema,
);

export const deleteSnapshotMutation = operation(
  `mutation ($id: ID!) { result: deleteSnapshot(id: $id) { ... on Snapshot { ${SNAPSHOT} } ${REFUSAL} } }`,
  snapshotSchema,
);

const diskSchema = z.object({
  id: z.string(),
  name: z.string(),
  disk: z
    .object({ wantedBytes: z.number(), capacityBytes: z.number().nullable(), problem: z.string().nullable() })
    .nullable(),
});

export const growDiskMutation = operation(
  `mutation ($input: GrowEnvironmentDiskInput!) {
    result: growEnvironmentDisk(input: $input) {
      ... on Environment { id name disk { wantedBytes capacityBytes problem } }
      ${REFUSAL}
    }
  }`,
  diskSchema,
);
