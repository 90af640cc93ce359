/** What each report of a worker changes. */
import type { StepEvent, StepName } from '@easel/schema/states/step';
import type { WorkerEvent } from '@easel/schema/wire/worker';
import type { Tx } from '../db.ts';
import { snapshotFacts } from '../snapshot/snapshot.facts.ts';
import type { WorkerRef } from './facts.ts';
import { stepStore } from './step.store.ts';
import { adjust, transition } from './transition.ts';
import { workerStore } from './worker.store.ts';

type Of<T extends WorkerEvent['type']> = Extract<WorkerEvent, { type: T }>;
export type Applied = { tx: Tx; worker: WorkerRef; at: Date; now: Date };
type StepFields = Parameters<typeof stepStore.advance>[3];
type Handlers = { [T in WorkerEvent['type']]: (event: Of<T>, applied: Applied) => Promise<boolean> };

/** False when the report changes nothing. */
export function applyWorkerEvent(event: WorkerEvent, applied: Applied): Promise<boolean> {
  const handle = HANDLERS[event.type] as (event: WorkerEvent, applied: Applied) => Promise<boolean>;
  return handle(event, applied);
}

/** One handler per report: a new kind of report without one is a type error. */
const HANDLERS: Handlers = {
  'step.started': (event, applied) =>
    applyStep(applied, event.step, 'started', { startedAt: earlier(applied.at, applied.now), text: event.text }),
  'step.progressed': (event, applied) =>
    applyStep(applied, event.step, 'progressed', { fraction: event.fraction, text: event.text }),
  'step.finished': (event, applied) =>
    applyStep(applied, event.step, 'finished', {
      durationMs: event.durationMs,
      fraction: null,
      ...(event.text ? { text: event.text } : {}),
    }),
  'step.skipped': (event, applied) => applyStep(applied, event.step, 'skipped', { text: event.text }),
  'step.failed': (event, applied) =>
    applyStep(applied, event.step, 'failed', {
      durationMs: event.durationMs,
      fraction: null,
      text: event.failure.message.slice(0, 500),
    }),
  'worker.ready': async ({ type: _, runtime, ...inside }, { tx, worker, now }) =>
    (await transition(tx, { ...from(worker), event: 'workerReady', now, facts: { runtime, inside } })) !== null,
  'worker.failed': async (event, { tx, worker, now }) => {
    const facts = { failure: event.failure, reason: event.failure.message };
    return (await transition(tx, { ...from(worker), event: 'workerFailed', now, facts })) !== null;
  },
  'worker.stopping': async (_event, { tx, worker, now }) => {
    await workerStore.advance(tx, worker, 'stopping', now);
    return true;
  },
  'worker.stopped': async (event, { tx, worker, now }) => {
    const reason = event.isClean ? null : event.text || 'The stop was not clean; look at the log.';
    return (await transition(tx, { ...from(worker), event: 'workerStopped', now, facts: { reason } })) !== null;
  },
  'volume.frozen': ({ snapshotId }, { tx, worker, now }) => snapshotFacts.frozen(tx, worker, { snapshotId, now }),
  'volume.thawed': ({ snapshotId, problem }, { tx, worker }) =>
    snapshotFacts.thawed(tx, worker, { snapshotId, problem }),
  // Containers show in the log and in the steps; the environment's own state does not depend on a single one.
  'container.started': async () => false,
  'container.ended': async () => false,
};

function from(worker: WorkerRef) {
  return { environmentId: worker.environmentId, generation: worker.generation, actor: 'worker' };
}

/** The worker's clock may be ahead of ours; a step never starts in the future. */
function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}

async function applyStep(applied: Applied, name: StepName, event: StepEvent, fields: StepFields): Promise<boolean> {
  const { tx, worker } = applied;
  const { environmentId, generation } = worker;
  if (!(await stepStore.advance(tx, { environmentId, generation, name }, event, fields))) return false;
  // Readers take what is newer, so a step raises the version of what it belongs to.
  return (await adjust(tx, environmentId, (row) => (row.generation === generation ? {} : null))) !== null;
}
