import { describe, expect, it } from 'vitest';
import {
  DESIRED_STATES,
  type DesiredState,
  ENVIRONMENT_EVENTS,
  ENVIRONMENT_PHASES,
  ENVIRONMENT_TABLE,
  type EnvironmentEvent,
  type EnvironmentPhase,
  PHASES_WITH_WORKER,
  reduceEnvironment,
  SETTLED_PHASES,
} from './environment.ts';

/** One line per phase, one word per event of ENVIRONMENT_EVENTS: where it leads, "." where it changes nothing. */
const EXPECTED = `
             placementClaimed workerRegistered workerReady workerFailed workerStopped workerSilent workerHeard graceExpired platformFailed evicted   stopAsked stopForced startAsked deleteAsked archiveVerified erased
queued       provisioning     .                .           .            .             .            .           .            failed         .         stopped   .          .          deleting    .               .
provisioning .                starting         .           failed       .             .            .           .            failed         stopping  stopping  .          .          stopping    .               .
starting     .                .                running     failed       stopped       .            .           failed       failed         stopping  stopping  .          .          stopping    .               .
running      .                .                .           failed       stopped       interrupted  .           .            .              stopping  stopping  .          .          stopping    .               .
interrupted  .                .                .           failed       stopped       .            running     failed       failed         stopping  stopping  .          .          stopping    .               .
stopping     .                .                .           stopped      stopped       .            .           stopped      stopped        .         .         stopped    .          .           .               .
stopped      .                .                .           .            .             .            .           .            .              .         .         .          queued     deleting    archived        .
archived     .                .                .           .            .             .            .           .            .              .         .         .          queued     deleting    .               .
failed       .                .                .           .            .             .            .           .            .              .         .         .          queued     deleting    .               .
deleting     .                .                .           .            .             .            .           .            .              .         .         .          .          .           .               deleted
deleted      .                .                .           .            .             .            .           .            .              .         .         .          .          .           .               .
`;

const [head = '', ...rows] = EXPECTED.trim().split('\n');
const columns = head.trim().split(/\s+/) as EnvironmentEvent[];
const cells = rows.flatMap((row) => {
  const [phase, ...words] = row.trim().split(/\s+/);
  return words.map((word, i): [EnvironmentPhase, EnvironmentEvent, EnvironmentPhase | null] => [
    phase as EnvironmentPhase,
    columns[i] as EnvironmentEvent,
    word === '.' ? null : (word as EnvironmentPhase),
  ]);
});

it('knows every phase and every event', () => {
  expect(columns).toEqual([...ENVIRONMENT_EVENTS]);
  expect(Object.keys(ENVIRONMENT_TABLE)).toEqual([...ENVIRONMENT_PHASES]);
  expect(cells).toHaveLength(ENVIRONMENT_PHASES.length * ENVIRONMENT_EVENTS.length);
});

it.each(cells)('%s, %s → %s', (phase, event, expected) => {
  // A stop that a wish began; the one of an eviction is below.
  const desired = phase === 'stopping' ? 'stopped' : 'running';
  expect(reduceEnvironment({ phase, desired }, event)?.phase ?? null).toBe(
    phase === 'stopping' && event === 'deleteAsked' ? 'stopping' : expected,
  );
});

describe('an eviction', () => {
  const evicted = { phase: 'stopping', desired: 'running' } as const;
  const ends = ['workerStopped', 'workerFailed', 'stopForced', 'graceExpired', 'platformFailed'] as const;

  it.each(['provisioning', 'starting', 'running', 'interrupted'] as const)('stops it from %s', (phase) => {
    expect(reduceEnvironment({ phase, desired: 'running' }, 'evicted')).toEqual(evicted);
  });

  it.each(ENVIRONMENT_EVENTS)('under way, %s', (event) => {
    const wishes: Partial<Record<EnvironmentEvent, DesiredState>> = { stopAsked: 'stopped', deleteAsked: 'deleted' };
    const wish = wishes[event];
    const isEnd = (ends as readonly EnvironmentEvent[]).includes(event);
    expect(reduceEnvironment(evicted, event)).toEqual(
      wish ? { phase: 'stopping', desired: wish } : isEnd ? { phase: 'queued', desired: 'running' } : null,
    );
  });

  it.each(['stopped', 'deleted'] as const)('changes nothing of a stop that is to end %s', (desired) => {
    expect(reduceEnvironment({ phase: 'stopping', desired }, 'evicted')).toBeNull();
  });
});

describe('what is wanted', () => {
  it.each([
    ['startAsked', 'stopped', 'running'],
    ['stopAsked', 'running', 'stopped'],
    ['deleteAsked', 'running', 'deleted'],
  ] as const)('%s asks for it', (event, phase, desired) => {
    expect(reduceEnvironment({ phase, desired: 'running' }, event)?.desired).toBe(desired);
  });

  it('is no longer to run once it has stopped by itself', () => {
    expect(reduceEnvironment({ phase: 'running', desired: 'running' }, 'workerStopped')).toEqual({
      phase: 'stopped',
      desired: 'stopped',
    });
  });

  it('stays to run after a failure, so that a retry is a start', () => {
    expect(reduceEnvironment({ phase: 'starting', desired: 'running' }, 'workerFailed')).toEqual({
      phase: 'failed',
      desired: 'running',
    });
  });
});

describe('a delete of what has a worker', () => {
  it.each(['provisioning', 'starting', 'running', 'interrupted'] as const)('stops it first from %s', (phase) => {
    expect(reduceEnvironment({ phase, desired: 'running' }, 'deleteAsked')).toEqual({
      phase: 'stopping',
      desired: 'deleted',
    });
  });

  it.each(['workerStopped', 'workerFailed', 'stopForced', 'graceExpired', 'platformFailed'] as const)(
    'goes on to deleting by itself after %s',
    (event) => {
      expect(reduceEnvironment({ phase: 'stopping', desired: 'deleted' }, event)).toEqual({
        phase: 'deleting',
        desired: 'deleted',
      });
    },
  );

  it('changes only the wish of a stop that is under way, and that once', () => {
    expect(reduceEnvironment({ phase: 'stopping', desired: 'stopped' }, 'deleteAsked')).toEqual({
      phase: 'stopping',
      desired: 'deleted',
    });
    expect(reduceEnvironment({ phase: 'stopping', desired: 'deleted' }, 'deleteAsked')).toBeNull();
  });
});

it('never leads out of the deleted, and never has a deletion wished away', () => {
  for (const event of ENVIRONMENT_EVENTS) {
    expect(reduceEnvironment({ phase: 'deleted', desired: 'deleted' }, event)).toBeNull();
    for (const phase of ['deleting', 'stopping'] as const) {
      const next = reduceEnvironment({ phase, desired: 'deleted' }, event);
      expect(next?.desired ?? 'deleted').toBe('deleted');
    }
  }
});

it('ends from everywhere by events that always come', () => {
  // A deadline, a wish or the platform leads on from each phase that waits for something.
  const anyDesired = DESIRED_STATES as readonly DesiredState[];
  for (const phase of ENVIRONMENT_PHASES.filter((phase) => !SETTLED_PHASES.has(phase))) {
    const exits = ENVIRONMENT_EVENTS.filter((event) =>
      anyDesired.some((desired) => reduceEnvironment({ phase, desired }, event) !== null),
    );
    expect(exits).not.toEqual([]);
  }
});

it('says in which phases a worker is there', () => {
  expect([...PHASES_WITH_WORKER]).toEqual(['provisioning', 'starting', 'running', 'interrupted', 'stopping']);
});
