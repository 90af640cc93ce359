import { failure } from '@easel/schema/failure';
import {
  DESIRED_STATES,
  ENVIRONMENT_EVENTS,
  ENVIRONMENT_PHASES,
  PHASES_WITH_WORKER,
  reduceEnvironment,
} from '@easel/schema/states/environment';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import type { EnvironmentRow } from './environment-row.ts';

const now = new Date('2026-11-23T12:00:00Z');
const row = { generation: 3, deadlineAt: null, connectivity: 'online' } as EnvironmentRow;

/** Every transition that there is. */
const transitions = ENVIRONMENT_PHASES.flatMap((phase) =>
  DESIRED_STATES.flatMap((desired) =>
    ENVIRONMENT_EVENTS.flatMap((event) => {
      const next = reduceEnvironment({ phase, desired }, event);
      const facts = { reason: 'r', failure: failure({ class: 'script', message: 'm' }), limitSeconds: 60 };
      return next
        ? [{ from: phase, event, next, ...decide({ row: { ...row, phase, desired }, event, next, facts, now }) }]
        : [];
    }),
  ),
);

describe('entering a phase', () => {
  it('without a worker leaves no connectivity and no deadline behind', () => {
    for (const { next, fields } of transitions) {
      if (PHASES_WITH_WORKER.has(next.phase) || next.phase === 'queued') continue;
      expect(fields).toMatchObject({ connectivity: 'none', deadlineAt: null });
    }
  });

  it('asks for a worker exactly when it queues, with a generation of its own', () => {
    for (const { next, placement, fields } of transitions) {
      expect(placement === 'run' || placement === 'again').toBe(next.phase === 'queued');
      expect('generation' in fields).toBe(next.phase === 'queued');
      if (next.phase === 'queued') expect(fields).toMatchObject({ generation: 4, failure: null, failedAt: null });
    }
  });

  it('frees what the platform holds whenever a worker is over', () => {
    for (const { from, next, placement } of transitions) {
      const isOver = PHASES_WITH_WORKER.has(from) && !PHASES_WITH_WORKER.has(next.phase);
      const wish = { deleting: 'erase', queued: 'again' }[next.phase as string] ?? 'end';
      if (isOver) expect(placement).toBe(wish);
      expect(placement === 'erase').toBe(next.phase === 'deleting');
    }
  });

  it('that waits for something has a deadline', () => {
    for (const { from, next, fields } of transitions) {
      const isWait = next.phase === 'interrupted' || (next.phase === 'stopping' && from !== 'stopping');
      if (isWait) expect(fields.deadlineAt).toEqual(new Date('2026-11-23T12:01:00Z'));
    }
  });

  it('says why it failed, and nothing else does', () => {
    for (const { next, fields } of transitions) {
      expect(Boolean(fields.failure)).toBe(next.phase === 'failed');
      expect(Boolean(fields.failedAt)).toBe(next.phase === 'failed');
    }
  });

  it('tells the worker whenever its wish changes', () => {
    for (const { from, next, tellsWorker } of transitions) {
      if (PHASES_WITH_WORKER.has(from) && next.phase === 'stopping') expect(tellsWorker).toBe(true);
    }
  });
});

it('keeps the deadline of a stop that becomes a delete', () => {
  const deadlineAt = new Date('2026-11-23T12:00:30Z');
  const { fields } = decide({
    row: { ...row, phase: 'stopping', desired: 'stopped', deadlineAt },
    event: 'deleteAsked',
    next: { phase: 'stopping', desired: 'deleted' },
    facts: { limitSeconds: 60 },
    now,
  });
  expect(fields.deadlineAt).toEqual(deadlineAt);
});

it('says why it starts again after an eviction', () => {
  const { fields, worker } = decide({
    row: { ...row, phase: 'stopping', desired: 'running', reason: 'the machine is drained' },
    event: 'workerStopped',
    next: { phase: 'queued', desired: 'running' },
    facts: { reason: null },
    now,
  });
  expect(fields.reason).toBe('the machine is drained');
  expect(worker).toBe('ended');
});

it('counts the time of running from the start, not from an interruption', () => {
  const next = { phase: 'running', desired: 'running' } as const;
  const step = { row, next, facts: {}, now };
  expect(decide({ ...step, event: 'workerReady' }).fields.startedAt).toEqual(now);
  expect(decide({ ...step, event: 'workerHeard' }).fields).not.toHaveProperty('startedAt');
});

it('forgets the host key with the environment', () => {
  const next = { phase: 'deleted', desired: 'deleted' } as const;
  expect(decide({ row, event: 'erased', next, facts: {}, now }).fields).toMatchObject({
    sshHostKey: '',
    deletedAt: now,
  });
});
