/**
 * Turns what is wanted into what is. Who: one per platform. When: at each hint of the server, at each change on the platform,
 * and every few seconds as a back-up, since hints may be lost. It claims what is due, looks at the platform, decides, acts.
 *
 * Environments are worked on side by side, the acts of one environment one after the other (a lane). Leases of what is under
 * way are renewed beside it. If the server dies, acts go on, and what could not be told is tried again while it is held, or
 * comes again. If this process dies, its leases run out, and whoever claims next sees on the platform how far it got.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Counter, Metrics } from '@easel/kit/metrics';
import type { EnvironmentId } from '@easel/schema/ids';
import type { Observation } from '@easel/schema/wire/placement';
import { act, type Outcome } from './act.ts';
import { claimLimit, type SchedulerApi } from './api.ts';
import { type Action, decide } from './decide.ts';
import { Placements } from './placements.ts';
import type { Platform } from './platform.ts';
import { PlatformBusy } from './refusal.ts';
import { Told } from './told.ts';

export interface ReconcilerParts {
  api: SchedulerApi;
  platform: Platform;
  log: Log;
  clock: Clock;
  metrics: Metrics;
  signal: AbortSignal;
}

/** An act that failed is tried again after this; it is held meanwhile. */
const retryAfterMs = 2_000;
/** A platform without room is not asked again so soon. */
const busyAfterMs = 5_000;
/** All placements are read again this often, whatever was told in between. */
const listEveryMs = 60_000;

export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #placements = new Placements();
  readonly #told = new Told();
  readonly #lanes = new Map<EnvironmentId, Promise<void>>();
  readonly #acts: Counter;
  #listedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#acts = parts.metrics.counter('easel_scheduler_acts_total', 'Acts by type and outcome', ['type', 'outcome']);
  }

  /** The next turn reads all placements again: hints may have been missed. */
  listAgain(): void {
    this.#listedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** One turn. Throws when the server cannot be reached; lanes go on. */
  async turn(): Promise<void> {
    if (this.#parts.clock.now() - this.#listedAtMs >= listEveryMs) await this.#list();
    await this.#claim();
    for (const id of this.#placements.environments()) this.#work(id);
  }

  /** Something was seen on the platform: decides anew for this environment, without asking the server. */
  changed(environmentId: EnvironmentId): void {
    this.#work(environmentId);
  }

  /** Keeps what is held from being claimed by others. */
  async renew(): Promise<void> {
    const ids = this.#placements.held();
    if (ids.length === 0) return;
    const asked = this.#placements.now();
    this.#placements.renewed(await this.#parts.api.renew(ids), asked);
  }

  /** Resolves when the acts under way have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#lanes.values());
  }

  async #list(): Promise<void> {
    const asked = this.#placements.now();
    const startedMs = this.#parts.clock.now();
    const placements = await this.#parts.api.list();
    this.#placements.listed(placements, asked, (id) => this.#lanes.has(id));
    this.#listedAtMs = startedMs;
    await this.renew();
    this.#told.keep(this.#placements.ids());
  }

  async #claim(): Promise<void> {
    for (let isFull = true; isFull && !this.#parts.signal.aborted; ) {
      const claimed = await this.#parts.api.claim();
      for (const placement of claimed) this.#placements.claimed(placement);
      // Begun before the next claim, so that the first of a long queue do not wait for the last.
      for (const placement of claimed) this.#work(placement.environmentId);
      isFull = claimed.length === claimLimit;
    }
  }

  /** Starts the environment's lane if there is something to do; one that runs decides anew after each act. */
  #work(environmentId: EnvironmentId): void {
    if (this.#lanes.has(environmentId) || this.#parts.signal.aborted || !this.#next(environmentId)) return;
    // Known before it runs: a platform may tell of a change while its verb is being called.
    const lane = Promise.resolve()
      .then(() => this.#runLane(environmentId))
      .finally(() => this.#lanes.delete(environmentId));
    this.#lanes.set(environmentId, lane);
  }

  #next(environmentId: EnvironmentId): Action | null {
    const worker = this.#parts.platform.observe().get(environmentId) ?? null;
    return decide(this.#placements.wantedOf(environmentId), worker, this.#told);
  }

  async #runLane(environmentId: EnvironmentId): Promise<void> {
    const { log, clock, signal } = this.#parts;
    for (let action = this.#next(environmentId); action && !signal.aborted; action = this.#next(environmentId)) {
      const startedMs = clock.now();
      const { workerId, generation } = action.placement;
      const name = action.type === 'tell' ? action.observation.type : action.type;
      const fields = { environmentId, workerId: workerId ?? undefined, generation, act: name };
      try {
        this.#settle(action, await act(action, { ...this.#parts, tell: (seen) => this.#tell(seen) }));
        this.#acts.inc({ type: name, outcome: 'done' });
        log.info({ ...fields, durationMs: clock.now() - startedMs }, 'acted');
      } catch (err) {
        if (signal.aborted) return;
        this.#acts.inc({ type: name, outcome: 'failed' });
        const isBusy = err instanceof PlatformBusy;
        if (isBusy) log.info({ ...fields, reason: err.message }, 'platform has no room, to be tried again');
        else log.warn({ ...fields, err }, 'act failed, to be tried again');
        await clock.sleep(isBusy ? busyAfterMs : retryAfterMs, signal).catch(() => undefined);
      }
    }
  }

  async #tell(observation: Observation): Promise<void> {
    await this.#parts.api.report([observation]);
    this.#told.note(observation);
  }

  #settle({ placement }: Action, outcome: Outcome): void {
    if (outcome === 'placed') this.#placements.placed(placement);
    // Ended: nothing is left of it. Failed: the server wishes its end next, and that comes with a claim.
    if (outcome === 'over') this.#placements.over(placement);
  }
}
