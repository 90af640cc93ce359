/**
 * The only writer of an environment's row. `transition` applies one event of the state machine: compute the next state,
 * store it by compare-and-set on the version together with its event, then everything that entering the phase brings with
 * it, and the notification: all in the caller's transaction. `adjust` writes fields that are no transition.
 *
 * Whoever loses the race for a version reads the row again and asks the machine anew: a fact is never dropped because
 * something else happened in the same moment, and it never overwrites what happened.
 */
import { AppError } from '@easel/schema/errors';
import { type EnvironmentId, newId } from '@easel/schema/ids';
import { type EnvironmentEvent, reduceEnvironment } from '@easel/schema/states/environment';
import { logAfterCommit, type Tx } from '../db.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { placements } from '../placement/placement.service.ts';
import { type Consequences, decide, type EventFacts } from './decide.ts';
import { environmentStore } from './environment.store.ts';
import type { EnvironmentFields, EnvironmentRow } from './environment-row.ts';
import { stepStore } from './step.store.ts';
import { workerStore } from './worker.store.ts';

/** A user's id, or which part of the house brought the fact. */
export type EventActor = string;

export interface Transition {
  environmentId: EnvironmentId;
  event: EnvironmentEvent;
  actor: EventActor;
  now: Date;
  /** Facts of a worker count for its own generation only. */
  generation?: number;
  facts?: EventFacts | ((row: EnvironmentRow) => EventFacts);
}

/** Rounds of reading again before this is a bug: each lost round means that somebody else got something done. */
const MAX_ROUNDS = 20;

/** Gives the row before and after, or null when the event changes nothing (late, doubled, of an old generation). */
export async function transition(
  tx: Tx,
  wish: Transition,
): Promise<{ before: EnvironmentRow; after: EnvironmentRow } | null> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = await environmentStore.find(tx, wish.environmentId);
    if (!before || (wish.generation !== undefined && wish.generation !== before.generation)) return null;
    const next = reduceEnvironment(before, wish.event);
    if (!next) return null;
    const facts = typeof wish.facts === 'function' ? wish.facts(before) : (wish.facts ?? {});
    const consequences = decide({ row: before, event: wish.event, next, facts, now: wish.now });
    const after = await environmentStore.compareAndSet(tx, before, { ...next, ...consequences.fields });
    if (!after) continue;
    await environmentStore.insertEvent(tx, {
      environmentId: after.id,
      version: after.version,
      at: wish.now,
      from: before.phase,
      to: after.phase,
      cause: wish.event,
      actor: wish.actor,
    });
    await carryOut(tx, { before, after, consequences, now: wish.now });
    logAfterCommit(
      tx,
      {
        environmentId: after.id,
        generation: after.generation,
        from: before.phase,
        to: after.phase,
        cause: wish.event,
        actor: wish.actor,
        ...(after.phase === 'failed' && after.failure ? { failure: after.failure.class } : {}),
      },
      'environment changed',
    );
    return { before, after };
  }
  throw contended(wish.environmentId);
}

/** Gives the row as it is then, or null when `compute` finds nothing to change. */
export async function adjust(
  tx: Tx,
  environmentId: EnvironmentId,
  compute: (row: EnvironmentRow) => EnvironmentFields | null,
): Promise<EnvironmentRow | null> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = await environmentStore.find(tx, environmentId);
    const fields = before && compute(before);
    if (!before || !fields) return null;
    const after = await environmentStore.compareAndSet(tx, before, fields);
    if (!after) continue;
    await notifyInTransaction(tx, { environments: [after] });
    return after;
  }
  throw contended(environmentId);
}

/** The first entry of an environment's timeline, and the worker that its first start needs. */
export async function enterQueue(tx: Tx, row: EnvironmentRow, by: { actor: EventActor; now: Date }): Promise<void> {
  await environmentStore.insertEvent(tx, {
    environmentId: row.id,
    version: row.version,
    at: by.now,
    from: null,
    to: row.phase,
    cause: 'created',
    actor: by.actor,
  });
  await startWorker(tx, row);
  await notifyInTransaction(tx, { environments: [row], placements: [row.platformId] });
  logAfterCommit(tx, { environmentId: row.id, actor: by.actor }, 'environment created');
}

async function carryOut(
  tx: Tx,
  done: { before: EnvironmentRow; after: EnvironmentRow; consequences: Consequences; now: Date },
): Promise<void> {
  const { before, after, consequences, now } = done;
  const start = { environmentId: before.id, generation: before.generation };
  if (consequences.openSteps) await stepStore.closeOpen(tx, start, consequences.openSteps);
  if (consequences.worker) await workerStore.advance(tx, start, consequences.worker, now);
  if (consequences.placement === 'again') await placements.wishEnd(tx, before);
  if (consequences.placement === 'run' || consequences.placement === 'again') await startWorker(tx, after);
  if (consequences.placement === 'end') await placements.wishEnd(tx, after);
  if (consequences.placement === 'erase') await placements.wishErase(tx, after);
  await notifyInTransaction(tx, {
    ...(after.phase === 'deleted' ? { removed: [after] } : { environments: [after] }),
    ...(consequences.placement ? { placements: [after.platformId] } : {}),
    ...(consequences.tellsWorker ? { workers: [after.id] } : {}),
    // No more lines will come from this start.
    ...(after.connectivity === 'none' ? { logs: [after.id] } : {}),
  });
}

async function startWorker(tx: Tx, row: EnvironmentRow): Promise<void> {
  const workerId = newId('worker');
  await workerStore.insert(tx, { id: workerId, environmentId: row.id, generation: row.generation });
  await stepStore.insertAll(tx, row.id, row.generation);
  await placements.wishRun(tx, row, workerId);
}

function contended(environmentId: EnvironmentId): AppError {
  return new AppError({
    code: 'OVERLOADED',
    message: 'this environment is being changed by many at once: try again',
    details: { environmentId },
  });
}
