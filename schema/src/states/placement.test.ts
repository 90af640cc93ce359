import { expect, it } from 'vitest';
import {
  PLACEMENT_EVENTS,
  PLACEMENT_STATES,
  type PlacementEvent,
  type PlacementState,
  reducePlacement,
} from './placement.ts';

const EXPECTED: Record<PlacementState, Record<PlacementEvent, PlacementState | null>> = {
  waiting: { claimed: 'claimed', placed: null, wishChanged: 'waiting', leaseExpired: null, ended: 'ended' },
  claimed: { claimed: 'claimed', placed: 'placed', wishChanged: 'waiting', leaseExpired: 'waiting', ended: 'ended' },
  placed: { claimed: null, placed: null, wishChanged: 'waiting', leaseExpired: null, ended: 'ended' },
  ended: { claimed: null, placed: null, wishChanged: null, leaseExpired: null, ended: null },
};

const pairs = PLACEMENT_STATES.flatMap((state) =>
  PLACEMENT_EVENTS.map((event) => [state, event, EXPECTED[state][event]] as const),
);

it.each(pairs)('%s, %s → %s', (state, event, expected) => {
  expect(reducePlacement(state, event)).toBe(expected);
});
