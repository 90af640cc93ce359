/** What a computing platform says of an environment, as it changes the rows. Facts of an old generation change nothing. */
import { type Failure, failure } from '@easel/schema/failure';
import type { EnvironmentId } from '@easel/schema/ids';
import type { Tx } from '../db.ts';
import { environmentStore } from './environment.store.ts';
import { silence } from './silence.ts';
import { adjust, transition } from './transition.ts';
import { workerStore } from './worker.store.ts';

interface Placed {
  environmentId: EnvironmentId;
  generation: number;
}

export const platformFacts = {
  /** A scheduler has taken the placement. */
  async claimed(tx: Tx, placed: Placed, now: Date): Promise<void> {
    await transition(tx, { ...placed, event: 'placementClaimed', actor: 'platform', now });
  },

  /** No room yet, or pulling: shown as long as it lasts, which nobody here limits. */
  async pending(tx: Tx, { environmentId, generation }: Placed, reason: string): Promise<void> {
    await adjust(tx, environmentId, (row) => {
      const isWaiting = row.phase === 'provisioning' && row.generation === generation;
      return isWaiting && row.reason !== reason ? { reason, deadlineAt: null } : null;
    });
  },

  /** Volume and worker exist: from now on the worker has some time to call. */
  async placed(
    tx: Tx,
    { environmentId, generation }: Placed,
    by: { now: Date; registerSeconds: number },
  ): Promise<void> {
    const deadlineAt = new Date(by.now.getTime() + by.registerSeconds * 1000);
    await adjust(tx, environmentId, (row) => {
      const isWaiting = row.phase === 'provisioning' && row.generation === generation;
      return isWaiting ? { reason: null, deadlineAt } : null;
    });
  },

  async failed(tx: Tx, placed: Placed, cause: Failure, now: Date): Promise<void> {
    const facts = { failure: cause, reason: cause.message };
    await transition(tx, { ...placed, event: 'platformFailed', actor: 'platform', now, facts });
  },

  /**
   * The worker is gone for good though it was wanted. Its last report may still be on its way, so a short grace is given
   * before the environment fails; where nothing can come any more, it is over at once.
   */
  async gone(tx: Tx, placed: Placed, seen: { reason: string; graceSeconds: number; now: Date }): Promise<void> {
    const { now } = seen;
    const reason = `The worker is gone: ${seen.reason}`;
    const by = { ...placed, actor: 'platform', now };
    await workerStore.advance(tx, placed, 'lost', now);
    if (await transition(tx, { ...by, event: 'stopForced', facts: { reason } })) return;
    if (await silence(tx, { ...placed, reason, limitSeconds: seen.graceSeconds, now })) return;
    // Before it has registered there is no report to wait for.
    const row = await environmentStore.find(tx, placed.environmentId);
    if (row?.phase !== 'provisioning') return;
    const facts = { failure: failure({ class: 'worker_lost', message: reason }) };
    await transition(tx, { ...by, event: 'platformFailed', facts });
  },

  /** The volume as it is now, and why it does not grow. */
  async volume(
    tx: Tx,
    { environmentId }: Placed,
    seen: { capacityBytes: number; problem: string | null },
  ): Promise<void> {
    const diskCapacityBytes = BigInt(seen.capacityBytes);
    await adjust(tx, environmentId, (row) => {
      const isSame = row.diskCapacityBytes === diskCapacityBytes && row.diskProblem === seen.problem;
      return isSame || row.phase === 'deleted' ? null : { diskCapacityBytes, diskProblem: seen.problem };
    });
  },

  /**
   * The platform takes the worker's machine away. The worker stops as it would for a person, within the same limit, and the
   * environment starts again on the same platform, with the reason shown until it does.
   */
  async evicted(tx: Tx, placed: Placed, seen: { reason: string; stopSeconds: number; now: Date }): Promise<void> {
    const { now, stopSeconds: limitSeconds } = seen;
    const facts = { reason: `The platform moves it to another machine: ${seen.reason}`, limitSeconds };
    await transition(tx, { ...placed, event: 'evicted', actor: 'platform', now, facts });
  },

  /** What `end` asked for is done. A stop that had nobody to ask is thereby over. */
  async ended(tx: Tx, placed: Placed, now: Date): Promise<void> {
    await transition(tx, { ...placed, event: 'workerStopped', actor: 'platform', now });
  },

  /** Volume and every trace are gone. */
  async erased(tx: Tx, { environmentId }: Placed, now: Date): Promise<void> {
    await transition(tx, { environmentId, event: 'erased', actor: 'platform', now });
  },
};
