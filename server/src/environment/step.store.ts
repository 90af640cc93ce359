/** The only file that touches the table `steps`. */
import type { EnvironmentId } from '@easel/schema/ids';
import { reduceStep, STEP_NAMES, type StepEvent, type StepName, type StepState } from '@easel/schema/states/step';
import type { Reader, Tx } from '../db.ts';
import type { Step } from '../generated/prisma/client.ts';

export type StepRow = Omit<Step, 'name' | 'state'> & { name: StepName; state: StepState };

export const stepStore = {
  /** A start makes new steps, all waiting, in their order. */
  async insertAll(tx: Tx, environmentId: EnvironmentId, generation: number): Promise<void> {
    await tx.step.createMany({
      data: STEP_NAMES.map((name, index) => ({ environmentId, generation, name, number: index + 1 })),
    });
  },

  /** The steps of several starts, each in order. */
  async listMany(db: Reader, starts: readonly { environmentId: string; generation: number }[]): Promise<StepRow[][]> {
    const rows = (await db.step.findMany({
      where: { OR: [...starts] },
      orderBy: { number: 'asc' },
    })) as StepRow[];
    return starts.map(({ environmentId, generation }) =>
      rows.filter((row) => row.environmentId === environmentId && row.generation === generation),
    );
  },

  /** Applies the event if the step's state allows it; false when it is late or doubled. */
  async advance(
    tx: Tx,
    step: { environmentId: EnvironmentId; generation: number; name: StepName },
    event: StepEvent,
    fields: { startedAt?: Date; durationMs?: number; fraction?: number | null; text?: string },
  ): Promise<boolean> {
    const key = { environmentId_generation_name: step };
    const row = (await tx.step.findUnique({ where: key })) as StepRow | null;
    const state = row && reduceStep(row.state, event);
    if (!row || state === null) return false;
    const { count } = await tx.step.updateMany({ where: { ...step, state: row.state }, data: { ...fields, state } });
    return count === 1;
  },

  /** The start is over: what was under way is failed or, when it was stopped, skipped; what was waiting stays so. */
  async closeOpen(
    tx: Tx,
    start: { environmentId: EnvironmentId; generation: number },
    state: 'failed' | 'skipped',
  ): Promise<void> {
    await tx.step.updateMany({ where: { ...start, state: 'active' }, data: { state } });
  },
};
