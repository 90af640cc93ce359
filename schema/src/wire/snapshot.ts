/**
 * Snapshots as a scheduler is asked for them and says of them. Travels over the GraphQL API as JSON of these shapes
 * (`Query.platformSnapshots`, `Mutation.reportSnapshots`). No lease: everything is named after the snapshot's id, and whatever is
 * done twice is there already.
 */
import { z } from 'zod';
import { failureSchema } from '../failure.ts';
import { idSchema } from '../ids.ts';
import { SNAPSHOT_STATES } from '../states/snapshot.ts';

export const snapshotTaskSchema = z.object({
  id: idSchema('snapshot'),
  environmentId: idSchema('environment'),
  /** `waiting`, `taking` and `deleting` are work; others are not sent. */
  state: z.enum(SNAPSHOT_STATES),
  /** The volume is at rest, or its worker has frozen it: the cut may be made. */
  isQuiet: z.boolean(),
});
export type SnapshotTask = z.infer<typeof snapshotTaskSchema>;

const snapshotId = idSchema('snapshot');
export const snapshotObservationSchema = z.discriminatedUnion('type', [
  /** The cut is made: the worker may go on. */
  z.object({ type: z.literal('taken'), snapshotId }),
  z.object({ type: z.literal('progress'), snapshotId, reason: z.string().max(500) }),
  /** Verified. `sizeBytes`: the least size of a volume that is restored from it. */
  z.object({ type: z.literal('ready'), snapshotId, sizeBytes: z.number().int().min(0) }),
  z.object({ type: z.literal('failed'), snapshotId, failure: failureSchema }),
  z.object({ type: z.literal('deleted'), snapshotId }),
]);
export type SnapshotObservation = z.infer<typeof snapshotObservationSchema>;
