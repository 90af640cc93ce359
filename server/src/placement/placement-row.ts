import type { EnvironmentId, PlacementId, PlatformId, WorkerId } from '@easel/schema/ids';
import type { PlacementState, PlacementWish } from '@easel/schema/states/placement';
import type { Placement } from '../generated/prisma/client.ts';

type Narrowed = {
  id: PlacementId;
  environmentId: EnvironmentId;
  platformId: PlatformId;
  workerId: WorkerId | null;
  wish: PlacementWish;
  state: PlacementState;
};
/** The row, with the words that its columns are known to hold. */
export type PlacementRow = Omit<Placement, keyof Narrowed> & Narrowed;
