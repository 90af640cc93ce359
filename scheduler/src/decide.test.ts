import { failure } from '@easel/schema/failure';
import { newId } from '@easel/schema/ids';
import {
  PLACEMENT_STATES,
  PLACEMENT_WISHES,
  type PlacementState,
  type PlacementWish,
} from '@easel/schema/states/placement';
import type { Placement } from '@easel/schema/wire/placement';
import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { anySpec } from './fakes.ts';
import type { ObservedWorker } from './platform.ts';
import { Told } from './told.ts';

const environmentId = newId('environment');
const workerId = newId('worker');
const otherId = newId('worker');
const nobody = new Told();

const placement = (fields: Partial<Placement> = {}): Placement => ({
  id: newId('placement'),
  environmentId,
  environmentName: 'shop',
  workerId,
  generation: 2,
  wish: 'run',
  state: 'claimed',
  workerToken: 'token',
  leaseExpiresAt: null,
  spec: anySpec,
  ...fields,
});

const states: Record<string, ObservedWorker['state']> = {
  intended: { kind: 'intended' },
  pending: { kind: 'pending', reason: 'No room.' },
  running: { kind: 'running' },
  broken: { kind: 'broken', failure: failure({ class: 'image', message: 'no such image' }) },
  leaving: { kind: 'leaving', reason: 'the node is drained' },
  ended: { kind: 'ended', reason: 'exit code 1' },
};
/** What may be seen: nothing, this very worker, one of the generation before, one of the next. */
const sights: Record<string, ObservedWorker | null> = {
  nothing: null,
  ...Object.fromEntries(
    Object.entries(states).flatMap(([name, state]) => [
      [`${name}`, { environmentId, workerId, generation: 2, state }],
      [`older ${name}`, { environmentId, workerId: otherId, generation: 1, state }],
      [`newer ${name}`, { environmentId, workerId: otherId, generation: 3, state }],
    ]),
  ),
};

const all = (act: string) => Object.fromEntries(Object.keys(states).map((name) => [name, act]));
const ofGenerations = (older: string, newer: string) =>
  Object.fromEntries(
    Object.keys(states).flatMap((name) => [
      [`older ${name}`, older],
      [`newer ${name}`, newer],
    ]),
  );

/** The act in short: its type, and of a telling what is told. */
function shortly(wish: PlacementWish, state: PlacementState, isHeld: boolean, sight: string): string {
  const action = decide([{ placement: placement({ wish, state }), isHeld }], sights[sight] ?? null, nobody);
  return action === null ? '-' : action.type === 'tell' ? `tell ${action.observation.type}` : action.type;
}

describe('every wish, every sight, held or not', () => {
  const held: Record<PlacementWish, Record<string, string>> = {
    run: {
      nothing: 'start',
      intended: 'start',
      pending: 'tell pending',
      running: 'tell placed',
      broken: 'tell failed',
      leaving: 'tell evicted',
      ended: 'tell gone',
      ...ofGenerations('clear', '-'),
    },
    end: { nothing: 'end', ...all('end'), ...ofGenerations('end', 'tell ended') },
    erase: Object.fromEntries(Object.keys(sights).map((sight) => [sight, 'erase'])),
  };
  for (const wish of PLACEMENT_WISHES) {
    for (const sight of Object.keys(sights)) {
      test(`${wish}, held, ${sight}: ${held[wish][sight]}`, () => {
        expect(shortly(wish, 'claimed', true, sight)).toBe(held[wish][sight]);
      });
    }
  }

  const placed: Record<string, string> = {
    nothing: 'tell gone',
    intended: 'tell gone',
    pending: '-',
    running: '-',
    broken: 'tell gone',
    leaving: 'tell evicted',
    ended: 'tell gone',
    ...ofGenerations('tell gone', '-'),
  };
  for (const sight of Object.keys(sights)) {
    test(`run, placed, ${sight}: ${placed[sight]}`, () => {
      expect(shortly('run', 'placed', false, sight)).toBe(placed[sight]);
    });
  }

  test('what is neither held nor placed is let alone', () => {
    for (const wish of PLACEMENT_WISHES) {
      for (const state of PLACEMENT_STATES) {
        if (wish === 'run' && state === 'placed') continue;
        for (const sight of Object.keys(sights)) expect(shortly(wish, state, false, sight)).toBe('-');
      }
    }
  });
});

test('a held run without its token waits for the next claim', () => {
  expect(decide([{ placement: placement({ workerToken: null }), isHeld: true }], null, nobody)).toBeNull();
});

test('the server is told once that a worker is gone', () => {
  const wanted = { placement: placement({ state: 'placed' }), isHeld: false };
  const told = new Told();
  told.note({ type: 'gone', placementId: wanted.placement.id, reason: 'another reason' });
  expect(decide([wanted], sights.ended ?? null, told)).toBeNull();
});

test('the reason of an end is told as the platform gives it', () => {
  const action = decide([{ placement: placement({ state: 'placed' }), isHeld: false }], sights.ended ?? null, nobody);
  expect(action).toMatchObject({ observation: { type: 'gone', reason: 'exit code 1' } });
});

test('a pending worker is told of again when it waits for something else', () => {
  const wanted = { placement: placement(), isHeld: true };
  const told = new Told();
  told.note({ type: 'pending', placementId: wanted.placement.id, reason: 'No room.' });
  expect(decide([wanted], sights.pending ?? null, told)).toBeNull();
  const other = { environmentId, workerId, generation: 2, state: { kind: 'pending', reason: 'Pulling.' } } as const;
  expect(decide([wanted], other, told)).toMatchObject({ observation: { type: 'pending', reason: 'Pulling.' } });
});

test('an evicted worker that has ended is told of as evicted first, then as gone', () => {
  const wanted = { placement: placement({ state: 'placed' }), isHeld: false };
  const told = new Told();
  const state = { kind: 'ended', reason: 'the node ran out of memory', isEvicted: true } as const;
  const seen: string[] = [];
  for (let action = decide([wanted], { environmentId, workerId, generation: 2, state }, told); action; ) {
    if (action.type !== 'tell') break;
    seen.push(action.observation.type);
    told.note(action.observation);
    action = decide([wanted], { environmentId, workerId, generation: 2, state }, told);
  }
  expect(seen).toEqual(['evicted', 'gone']);
});

describe('the volume', () => {
  const GIB = 1024 ** 3;
  const running = (volume: ObservedWorker['volume'] & object): ObservedWorker => ({
    environmentId,
    workerId,
    generation: 2,
    state: { kind: 'running' },
    volume,
  });
  const grown = placement({ state: 'placed', spec: { ...anySpec, diskBytes: 2 * GIB } });

  test('grows when more is wanted than was asked for, without a lease', () => {
    const worker = running({ requestedBytes: GIB, capacityBytes: GIB, problem: null });
    expect(decide([{ placement: grown, isHeld: false }], worker, nobody)).toEqual({
      type: 'grow',
      placement: grown,
      diskBytes: 2 * GIB,
    });
  });

  test('is told of when it has changed, and only then', () => {
    const told = new Told();
    const wanted = [{ placement: grown, isHeld: false }];
    const waiting = running({ requestedBytes: 2 * GIB, capacityBytes: GIB, problem: 'It grows at the next start.' });
    const action = decide(wanted, waiting, told);
    expect(action).toMatchObject({ observation: { type: 'volume', capacityBytes: GIB } });
    if (action?.type === 'tell') told.note(action.observation);
    expect(decide(wanted, waiting, told)).toBeNull();
    const done = running({ requestedBytes: 2 * GIB, capacityBytes: 2 * GIB, problem: null });
    expect(decide(wanted, done, told)).toMatchObject({ observation: { type: 'volume', problem: null } });
  });
});

test('of two generations the older ends before the newer runs', () => {
  const older = placement({ wish: 'end', generation: 1, workerId: otherId });
  const newer = placement();
  const wanted = [
    { placement: newer, isHeld: true },
    { placement: older, isHeld: true },
  ];
  expect(decide(wanted, sights['older running'] ?? null, nobody)).toEqual({ type: 'end', placement: older });
});

test('nothing wanted, nothing done, whatever is there', () => {
  for (const sight of Object.values(sights)) expect(decide([], sight, nobody)).toBeNull();
});
