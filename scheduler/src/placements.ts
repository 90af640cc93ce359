import type { EnvironmentId, PlacementId } from '@easel/schema/ids';
import type { Placement } from '@easel/schema/wire/placement';
import type { Wanted } from './decide.ts';

/**
 * The placements that have not ended, as last heard, and which of them are held. Answers of the server may overtake each
 * other: each change has a number, and an answer changes nothing that is newer than its question.
 */
export class Placements {
  readonly #open = new Map<PlacementId, Placement>();
  readonly #byEnvironment = new Map<EnvironmentId, Set<PlacementId>>();
  /** The number of the claim that gave us each placement. */
  readonly #held = new Map<PlacementId, number>();
  /** The number of the last change of each environment. */
  readonly #changed = new Map<EnvironmentId, number>();
  #count = 0;

  /** The number of a question that is asked now. */
  now(): number {
    return ++this.#count;
  }

  wantedOf(environmentId: EnvironmentId): Wanted[] {
    return [...(this.#byEnvironment.get(environmentId) ?? [])].flatMap((id) => {
      const placement = this.#open.get(id);
      return placement ? [{ placement, isHeld: this.#held.has(id) }] : [];
    });
  }

  environments(): EnvironmentId[] {
    return [...this.#byEnvironment.keys()];
  }

  ids(): Set<PlacementId> {
    return new Set(this.#open.keys());
  }

  held(): PlacementId[] {
    return [...this.#held.keys()];
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes a claimed placement: it is held. */
  claimed(placement: Placement): void {
    this.#put(placement);
    this.#held.set(placement.id, this.#touch(placement.environmentId));
  }

  /**
   * Takes the list of all that was asked for with `asked`, but for environments that are worked on, or have changed since.
   * What is claimed may be ours from before a restart: it is taken for held until a renewal says otherwise.
   */
  listed(placements: readonly Placement[], asked: number, isBusy: (id: EnvironmentId) => boolean): void {
    const isNews = (id: EnvironmentId) => !isBusy(id) && (this.#changed.get(id) ?? 0) < asked;
    const there = new Set(placements.map(({ id }) => id));
    for (const [id, placement] of this.#open) {
      if (!there.has(id) && isNews(placement.environmentId)) this.#remove(placement);
    }
    for (const placement of placements) {
      if (!isNews(placement.environmentId)) continue;
      this.#put(placement);
      if (placement.state === 'claimed') this.#held.set(placement.id, asked);
      else this.#held.delete(placement.id);
    }
    for (const id of this.#changed.keys()) if (!this.#byEnvironment.has(id)) this.#changed.delete(id);
  }

  /** Of those held when `asked`, only `ours` still are. */
  renewed(ours: readonly PlacementId[], asked: number): void {
    const kept = new Set(ours);
    for (const [id, since] of this.#held) if (since <= asked && !kept.has(id)) this.#held.delete(id);
  }

  /** The wish of this placement is fulfilled, unless it has another one by now. */
  placed(placement: Placement): void {
    if (!this.#hasSameWish(placement)) return;
    this.#put({ ...placement, state: 'placed', workerToken: null });
    this.#held.delete(placement.id);
    this.#touch(placement.environmentId);
  }

  /** Nothing more is to be done for this placement, unless it has another wish by now. */
  over(placement: Placement): void {
    if (!this.#hasSameWish(placement)) return;
    this.#remove(placement);
    this.#touch(placement.environmentId);
  }

  #hasSameWish(placement: Placement): boolean {
    return this.#open.get(placement.id)?.wish === placement.wish;
  }

  #put(placement: Placement): void {
    this.#open.set(placement.id, placement);
    const ids = this.#byEnvironment.get(placement.environmentId) ?? new Set();
    this.#byEnvironment.set(placement.environmentId, ids.add(placement.id));
  }

  #remove({ id, environmentId }: Placement): void {
    this.#open.delete(id);
    this.#held.delete(id);
    const ids = this.#byEnvironment.get(environmentId);
    ids?.delete(id);
    if (ids?.size === 0) this.#byEnvironment.delete(environmentId);
  }

  #touch(environmentId: EnvironmentId): number {
    const number = this.now();
    this.#changed.set(environmentId, number);
    return number;
  }
}
