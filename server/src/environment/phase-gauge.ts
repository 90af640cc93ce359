import type { Log } from '@easel/kit/log';
import { runLoop } from '@easel/kit/loop';
import type { Metrics } from '@easel/kit/metrics';
import { ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { type Db, reading } from '../db.ts';
import { environmentStore } from './environment.store.ts';

/** Half of the usual time between two looks of Prometheus. */
const EVERY_MS = 15_000;

/** How many environments are in which phase, for as long as the signal lets it. Every replica says the same. */
export function watchPhases(parts: { db: Db; metrics: Metrics; log: Log }, signal: AbortSignal): Promise<void> {
  const gauge = parts.metrics.gauge('easel_environments', 'Environments by phase', ['phase']);
  return runLoop({ name: 'phases', everyMs: EVERY_MS, signal, log: parts.log }, async () => {
    const counts = await reading(() => environmentStore.countByPhase(parts.db));
    for (const phase of ENVIRONMENT_PHASES) {
      if (phase !== 'deleted') gauge.set({ phase }, counts.get(phase) ?? 0);
    }
  });
}
