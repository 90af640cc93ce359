/** `workers.acked_report`: which of a worker's reports are stored. Its other columns are `environment/worker.store.ts`'s. */
import type { WorkerId } from '@easel/schema/ids';
import type { Tx } from '../db.ts';

export const reportStore = {
  /** Moves the number; false when it does not stand at `from`, since another connection has moved it. */
  async acknowledge(tx: Tx, workerId: WorkerId, numbers: { from: number; to: number }): Promise<boolean> {
    const { count } = await tx.worker.updateMany({
      where: { id: workerId, ackedReport: numbers.from },
      data: { ackedReport: numbers.to },
    });
    return count === 1;
  },
};
