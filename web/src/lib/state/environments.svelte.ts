/**
 * All environments of the viewer, live. One subscription feeds it for as long as the signed-in pages are open: the whole at
 * every (re)connect, then each change. Pages read it; nobody polls. It also keeps the recent measurements for the charts.
 */
import type { Api, Problem } from '#lib/api/client.ts';
import { listen } from '#lib/api/live.svelte.ts';
import { type EnvironmentRow, environmentsChanged } from '#lib/operations/environments.ts';
import { applyChange, type PhaseChange, phaseChanges, putRow, type Rows } from './fleet.ts';

/** A measurement. `atMs` is the browser's clock: the moment of its arrival. */
export type Sample = { atMs: number; cpus: number; memoryBytes: number };

/** Half an hour at one beat in ten seconds. */
const SAMPLES_KEPT = 180;

export class Environments {
  #rows = $state.raw<Rows>(new Map());
  #hasLoaded = $state(false);
  #problem = $state.raw<Problem | null>(null);
  #samples = $state.raw<ReadonlyMap<string, readonly Sample[]>>(new Map());
  readonly #onPhase: (change: PhaseChange) => void;

  /** Must be called while a component initialises: the subscription lives as long as that component. */
  constructor(options: { api: Api; onPhase: (change: PhaseChange) => void }) {
    this.#onPhase = options.onPhase;
    listen(options.api, environmentsChanged, {
      variables: () => ({}),
      onData: ({ environmentsChanged: change }) => {
        this.#problem = null;
        this.#take(applyChange(this.#rows, change));
        if (change.kind === 'list') this.#hasLoaded = true;
      },
      onProblem: (problem) => {
        this.#problem = problem;
      },
    });
  }

  get rows(): Rows {
    return this.#rows;
  }

  get hasLoaded(): boolean {
    return this.#hasLoaded;
  }

  get problem(): Problem | null {
    return this.#problem;
  }

  samples(id: string): readonly Sample[] {
    return this.#samples.get(id) ?? [];
  }

  isNameTaken(name: string): boolean {
    for (const row of this.#rows.values()) if (row.name === name) return true;
    return false;
  }

  /** Takes a row that came another way (the environment's own subscription); older ones are dropped. */
  put(row: EnvironmentRow): void {
    this.#take(putRow(this.#rows, row));
  }

  #take(next: Rows): void {
    const before = this.#rows;
    if (next === before) return;
    this.#rows = next;
    this.#measure(before, next);
    if (!this.#hasLoaded) return;
    for (const change of phaseChanges(before, next)) this.#onPhase(change);
  }

  #measure(before: Rows, after: Rows): void {
    let samples: Map<string, readonly Sample[]> | null = null;
    for (const row of after.values()) {
      const known = before.get(row.id);
      if (!row.resources || (known?.lastSeenAt === row.lastSeenAt && this.#samples.has(row.id))) continue;
      samples ??= new Map(this.#samples);
      const sample = { atMs: Date.now(), cpus: row.resources.cpus, memoryBytes: row.resources.memoryBytes };
      samples.set(row.id, [...(samples.get(row.id) ?? []), sample].slice(-SAMPLES_KEPT));
    }
    if (samples) this.#samples = samples;
  }
}
