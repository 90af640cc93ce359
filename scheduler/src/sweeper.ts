/**
 * Finds what is left of environments that are no more: a worker, a volume or a container without an owner. It removes only
 * what the server knows to be deleted, and what the server has never heard of only after it was seen and reported again and
 * again for a long time: a server that was restored from a backup does not know the newest environments, and their volumes
 * are all that people have. A known environment is never touched here.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Gauge, Metrics } from '@easel/kit/metrics';
import type { EnvironmentId } from '@easel/schema/ids';
import type { SchedulerApi } from './api.ts';
import type { Platform } from './platform.ts';

export interface SweeperParts {
  api: Pick<SchedulerApi, 'known'>;
  platform: Pick<Platform, 'traces' | 'erase'>;
  log: Log;
  clock: Clock;
  metrics: Metrics;
}

/** How long an orphan is only reported: a delete that is under way ends by itself, an unknown one may become known. */
export const graceMs = { deleted: 5 * 60_000, unknown: 24 * 3_600_000 } as const;
type OrphanKind = keyof typeof graceMs;
/** Ids per question. */
const askLimit = 1_000;

export class Sweeper {
  readonly #parts: SweeperParts;
  readonly #seen = new Map<EnvironmentId, { kind: OrphanKind; sinceMs: number }>();
  readonly #gauge: Gauge;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
    this.#gauge = parts.metrics.gauge('easel_scheduler_orphans', 'Traces of environments that are no more', ['kind']);
  }

  /** Looks once, and removes what has been an orphan for long enough. Throws when the server cannot be reached. */
  async sweep(): Promise<void> {
    const { platform, log, clock } = this.#parts;
    const orphans = await this.#orphans(await platform.traces());
    for (const id of this.#seen.keys()) if (!orphans.has(id)) this.#seen.delete(id);
    for (const kind of Object.keys(graceMs) as OrphanKind[]) {
      this.#gauge.set({ kind }, [...orphans.values()].filter((one) => one === kind).length);
    }
    for (const [environmentId, kind] of orphans) {
      const seen = this.#seen.get(environmentId);
      if (seen?.kind !== kind) {
        this.#seen.set(environmentId, { kind, sinceMs: clock.now() });
        log.warn({ environmentId, kind }, 'orphan found');
      } else if (clock.now() - seen.sinceMs >= graceMs[kind]) {
        await platform.erase(environmentId);
        this.#seen.delete(environmentId);
        log.warn({ environmentId, kind }, 'orphan removed');
      }
    }
  }

  async #orphans(ids: readonly EnvironmentId[]): Promise<Map<EnvironmentId, OrphanKind>> {
    const orphans = new Map<EnvironmentId, OrphanKind>();
    for (let at = 0; at < ids.length; at += askLimit) {
      const asked = ids.slice(at, at + askLimit);
      const phases = new Map((await this.#parts.api.known(asked)).map(({ id, phase }) => [id, phase]));
      for (const id of asked) {
        const phase = phases.get(id);
        if (phase === undefined) orphans.set(id, 'unknown');
        else if (phase === 'deleted') orphans.set(id, 'deleted');
      }
    }
    return orphans;
  }
}
