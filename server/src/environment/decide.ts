/**
 * What entering a phase brings with it: which fields are written, what the platform is asked for, what becomes of the
 * worker. Pure, one entry per phase: a new phase without one is a type error.
 */
import type { Failure } from '@easel/schema/failure';
import type { EnvironmentEvent, EnvironmentPhase, EnvironmentState } from '@easel/schema/states/environment';
import type { WorkerEvent } from '@easel/schema/states/worker';
import type { EnvironmentFields, EnvironmentRow, Inside } from './environment-row.ts';

/** What comes with an event, beside its name. */
export interface EventFacts {
  /** One sentence, shown while it lasts. */
  reason?: string | null;
  failure?: Failure;
  runtime?: 'docker' | 'process';
  inside?: Inside;
  /** How long the phase that is entered may be waited in. */
  limitSeconds?: number;
}

export interface Consequences {
  fields: EnvironmentFields;
  /** `run` also makes the worker and its steps; `again` also ends the ones before it. */
  placement: 'run' | 'again' | 'end' | 'erase' | null;
  worker: WorkerEvent | null;
  /** What becomes of the step that was under way. */
  openSteps: 'failed' | 'skipped' | null;
  /** The connected worker has something new to do. */
  tellsWorker: boolean;
}

export interface Step {
  row: EnvironmentRow;
  event: EnvironmentEvent;
  next: EnvironmentState;
  facts: EventFacts;
  now: Date;
}

const nothing: Consequences = { fields: {}, placement: null, worker: null, openSteps: null, tellsWorker: false };

const settled = { connectivity: 'none', deadlineAt: null } as const;

const ENTERING: Record<EnvironmentPhase, (step: Step) => Consequences> = {
  queued: ({ row, facts }) => {
    const fields = {
      generation: row.generation + 1,
      connectivity: 'waiting',
      failure: null,
      failedAt: null,
      deadlineAt: null,
      cleanupAt: null,
      cleanupWarnedAt: null,
    } as const;
    // After an eviction: why it starts again stays shown, until it does.
    return row.phase === 'stopping'
      ? {
          fields: { ...fields, reason: row.reason },
          placement: 'again',
          worker: 'ended',
          openSteps: 'skipped',
          tellsWorker: true,
        }
      : { ...nothing, fields: { ...fields, reason: facts.reason ?? null }, placement: 'run' };
  },
  provisioning: () => ({ ...nothing, fields: { reason: null } }),
  starting: () => ({ ...nothing, fields: { connectivity: 'online', reason: null, deadlineAt: null } }),
  running: ({ event, facts, now }) => ({
    ...nothing,
    fields: {
      connectivity: 'online',
      reason: null,
      deadlineAt: null,
      ...(event === 'workerReady' ? { startedAt: now } : {}),
      ...(facts.runtime ? { runtime: facts.runtime } : {}),
      ...(facts.inside ? { inside: facts.inside } : {}),
    },
    worker: event === 'workerReady' ? 'ready' : null,
  }),
  interrupted: ({ facts, now }) => ({
    ...nothing,
    fields: { connectivity: 'lost', reason: facts.reason ?? null, deadlineAt: after(now, facts) },
  }),
  stopping: ({ row, facts, now }) => ({
    ...nothing,
    fields: { reason: facts.reason ?? null, deadlineAt: row.phase === 'stopping' ? row.deadlineAt : after(now, facts) },
    // Before the worker has come there is nobody to ask, so the platform ends it.
    placement: row.phase === 'provisioning' ? 'end' : null,
    tellsWorker: true,
  }),
  stopped: ({ facts, now }) => ({
    fields: { ...settled, reason: facts.reason ?? null, stoppedAt: now },
    placement: 'end',
    worker: 'ended',
    openSteps: 'skipped',
    tellsWorker: true,
  }),
  // The snapshot is there; the disk is freed by the archive's own finalizer.
  archived: () => ({ ...nothing, fields: { ...settled, reason: null } }),
  failed: ({ event, facts, now }) => ({
    fields: { ...settled, reason: null, failure: facts.failure ?? null, failedAt: now },
    placement: 'end',
    worker: event === 'graceExpired' ? 'lost' : 'ended',
    openSteps: 'failed',
    tellsWorker: true,
  }),
  deleting: () => ({
    fields: { ...settled, reason: null },
    placement: 'erase',
    worker: 'ended',
    openSteps: 'skipped',
    tellsWorker: true,
  }),
  deleted: ({ now }) => ({
    ...nothing,
    // The key has nobody left to prove.
    fields: { ...settled, reason: null, deletedAt: now, sshHostKey: '' },
  }),
};

export function decide(step: Step): Consequences {
  return ENTERING[step.next.phase](step);
}

function after(now: Date, facts: EventFacts): Date | null {
  return facts.limitSeconds === undefined ? null : new Date(now.getTime() + facts.limitSeconds * 1000);
}
