/** The only file that touches the table `workers`, but for the numbers that the worker gateway acknowledges. */
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import { reduceWorker, WORKER_STATES, type WorkerEvent, type WorkerState } from '@easel/schema/states/worker';
import type { Reader, Tx } from '../db.ts';
import type { Worker } from '../generated/prisma/client.ts';

export type WorkerRow = Omit<Worker, 'id' | 'environmentId' | 'state'> & {
  id: WorkerId;
  environmentId: EnvironmentId;
  state: WorkerState;
};

/** The states that an event changes: a guard that fits into the WHERE of one statement. */
function statesBefore(event: WorkerEvent): WorkerState[] {
  return WORKER_STATES.filter((state) => reduceWorker(state, event) !== null);
}

export const workerStore = {
  async insert(tx: Tx, worker: { id: WorkerId; environmentId: EnvironmentId; generation: number }): Promise<void> {
    await tx.worker.create({ data: worker });
  },

  async find(db: Reader, id: WorkerId): Promise<WorkerRow | null> {
    return (await db.worker.findUnique({ where: { id } })) as WorkerRow | null;
  },

  async ofGeneration(db: Reader, environmentId: EnvironmentId, generation: number): Promise<WorkerRow | null> {
    return (await db.worker.findUnique({
      where: { environmentId_generation: { environmentId, generation } },
    })) as WorkerRow | null;
  },

  /** Binds the worker to its own secret; false when it is bound already. */
  async bind(
    tx: Tx,
    id: WorkerId,
    fields: { secretHash: string; agentVersion: string; registeredAt: Date },
  ): Promise<boolean> {
    const { count } = await tx.worker.updateMany({ where: { id, secretHash: null }, data: fields });
    return count === 1;
  },

  /** Applies the event where it changes something; a late or doubled one changes nothing. */
  async advance(
    tx: Tx,
    worker: { environmentId: EnvironmentId; generation: number },
    event: WorkerEvent,
    now: Date,
  ): Promise<void> {
    const to = reduceWorker(statesBefore(event)[0] ?? 'ended', event);
    if (to === null) return;
    const isOver = to === 'ended' || to === 'lost';
    await tx.worker.updateMany({
      where: {
        environmentId: worker.environmentId,
        generation: worker.generation,
        state: { in: statesBefore(event) },
      },
      data: { state: to, version: { increment: 1 }, ...(isOver ? { endedAt: now } : {}) },
    });
  },
};
