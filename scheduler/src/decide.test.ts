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
import type { ObservedWorker } from './platform.ts';

const environmentId = newId('environment');
const workerId = newId('worker');
const otherId = newId('worker');
const nobody = new Set<never>();

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
  ...fields,
});

const states: Record<string, ObservedWorker['state']> = {
  intended: { kind: 'intended' },
  running: { kind: 'running' },
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
      running: 'tell placed',
      ended: 'tell gone',
      'older intended': 'clear',
      'older running': 'clear',
      'older ended': 'clear',
      'newer intended': '-',
      'newer running': '-',
      'newer ended': '-',
    },
    end: {
      nothing: 'end',
      intended: 'end',
      running: 'end',
      ended: 'end',
      'older intended': 'end',
      'older running': 'end',
      'older ended': 'end',
      'newer intended': 'tell ended',
      'newer running': 'tell ended',
      'newer ended': 'tell ended',
    },
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
    running: '-',
    ended: 'tell gone',
    'older intended': 'tell gone',
    'older running': 'tell gone',
    'older ended': 'tell gone',
    'newer intended': '-',
    'newer running': '-',
    'newer ended': '-',
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
  const wanted = [{ placement: placement({ state: 'placed' }), isHeld: false }];
  expect(decide(wanted, sights.ended ?? null, new Set([workerId]))).toBeNull();
});

test('the reason of an end is told as the platform gives it', () => {
  const action = decide([{ placement: placement({ state: 'placed' }), isHeld: false }], sights.ended ?? null, nobody);
  expect(action).toMatchObject({ observation: { type: 'gone', reason: 'exit code 1' } });
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
