import type { Failure } from '@easel/schema/failure';
import type { EnvironmentId, PlatformId, SnapshotId, UserId } from '@easel/schema/ids';
import type { SnapshotState } from '@easel/schema/states/snapshot';
import type { Snapshot } from '../generated/prisma/client.ts';

/**
 * What was asked of the environment's worker: `none` (there was none), `asked`, `frozen`, `given_up` (it did not answer or
 * was frozen too long), `thawed` (it works on). The cut may be made in all but `asked`.
 */
export type Freeze = 'none' | 'asked' | 'frozen' | 'given_up' | 'thawed';

type Narrowed = {
  id: SnapshotId;
  environmentId: EnvironmentId;
  ownerId: UserId;
  platformId: PlatformId;
  state: SnapshotState;
  freeze: Freeze;
  failure: Failure | null;
};
/** The row, with the words and shapes that its columns are known to hold: only this server writes them, parsed. */
export type SnapshotRow = Omit<Snapshot, keyof Narrowed> & Narrowed;

/** What an event may write beside the state. */
export type SnapshotFields = Partial<
  Pick<SnapshotRow, 'isQuiet' | 'reason' | 'failure' | 'sizeBytes' | 'takenAt' | 'readyAt' | 'deletedAt' | 'deadlineAt'>
>;
