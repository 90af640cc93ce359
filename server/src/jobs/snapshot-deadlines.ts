import type { Log } from '@easel/kit/log';
import type { SnapshotSchedulerService } from '../snapshot/snapshot-scheduler.service.ts';

const perTurn = 200;

/**
 * Ends what has waited too long of snapshots: a worker that does not freeze or is frozen too long, a copy that never ends. As
 * with environments, the row says what is due, and a second replica finds the deadline gone.
 */
export async function passSnapshotDeadlines(parts: {
  snapshots: Pick<SnapshotSchedulerService, 'overdue' | 'deadlinePassed'>;
  log: Log;
}): Promise<number> {
  let count = 0;
  for (const snapshotId of await parts.snapshots.overdue(perTurn)) {
    try {
      if (!(await parts.snapshots.deadlinePassed(snapshotId))) continue;
      count++;
      parts.log.info({ snapshotId }, 'deadline passed');
    } catch (err) {
      parts.log.warn({ snapshotId, err }, 'deadline not passed');
    }
  }
  return count;
}
