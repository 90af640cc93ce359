/**
 * A placement: the wish, addressed to one computing platform's scheduler, that a worker runs (`run`), that it ends and frees
 * what it held but the volume (`end`), or that the volume goes too (`erase`).
 *
 *   waiting ─claimed▶ claimed ─placed▶ placed ─wanted changes▶ waiting ─claimed▶ claimed ─ended▶ ended
 *                        └─lease expires▶ waiting
 *
 * `waiting` and `claimed` are the queue. A claim holds a lease; whoever lets it expire loses it to the next claim. There is
 * one placement per worker generation; an `erase` without a worker is a placement of its own.
 */
export const PLACEMENT_STATES = ['waiting', 'claimed', 'placed', 'ended'] as const;
export type PlacementState = (typeof PLACEMENT_STATES)[number];

export const PLACEMENT_WISHES = ['run', 'end', 'erase'] as const;
export type PlacementWish = (typeof PLACEMENT_WISHES)[number];

export const PLACEMENT_EVENTS = ['claimed', 'placed', 'wishChanged', 'leaseExpired', 'ended'] as const;
export type PlacementEvent = (typeof PLACEMENT_EVENTS)[number];

export const PLACEMENT_TABLE: Record<PlacementState, Partial<Record<PlacementEvent, PlacementState>>> = {
  waiting: { claimed: 'claimed', wishChanged: 'waiting', ended: 'ended' },
  claimed: { placed: 'placed', wishChanged: 'waiting', leaseExpired: 'waiting', claimed: 'claimed', ended: 'ended' },
  placed: { wishChanged: 'waiting', ended: 'ended' },
  ended: {},
};

/** The next state, or null when the event changes nothing (late or doubled). */
export function reducePlacement(state: PlacementState, event: PlacementEvent): PlacementState | null {
  return PLACEMENT_TABLE[state][event] ?? null;
}
