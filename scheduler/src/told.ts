import type { PlacementId } from '@easel/schema/ids';
import type { Observation } from '@easel/schema/wire/placement';

/** What decides asks: whether the server would learn something. */
export interface News {
  isNews(observation: Observation): boolean;
}

/**
 * What the server was told last of each placement, so that nothing is told twice. Lost with the process: what is told again
 * after a restart changes nothing there.
 */
export class Told implements News {
  readonly #last = new Map<PlacementId, Map<Observation['type'], string>>();

  /** An end is told once whatever its reason; a reason or a size again when it is another one. */
  isNews(observation: Observation): boolean {
    const last = this.#last.get(observation.placementId)?.get(observation.type);
    return last === undefined || last !== contentOf(observation);
  }

  note(observation: Observation): void {
    const { placementId, type } = observation;
    const known = this.#last.get(placementId) ?? new Map<Observation['type'], string>();
    this.#last.set(placementId, known.set(type, contentOf(observation)));
  }

  /** Forgets all placements but these. */
  keep(ids: ReadonlySet<PlacementId>): void {
    for (const id of this.#last.keys()) if (!ids.has(id)) this.#last.delete(id);
  }
}

function contentOf(observation: Observation): string {
  switch (observation.type) {
    case 'pending':
      return observation.reason;
    case 'volume':
      return `${observation.capacityBytes} ${observation.problem ?? ''}`;
    default:
      return '';
  }
}
