import { type Backoff, fullJitter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Log } from './log.ts';

/** Ends a wait early. A wake that comes while nobody waits is kept for the next wait; many are one. */
export interface AsyncWake {
  wake(): void;
  /** True when woken, false when `ms` have passed or the signal aborted. One waiter at a time. */
  wait(ms: number, signal?: AbortSignal): Promise<boolean>;
}

/** Creates a wake: notifications make work start soon, the wait's own limit is the poll that backs them up. */
export function createWake(clock: Clock = systemClock): AsyncWake {
  let isWoken = false;
  let release: ((woken: boolean) => void) | undefined;
  return {
    wake() {
      isWoken = true;
      release?.(true);
    },
    async wait(ms, signal) {
      if (signal?.aborted) return false;
      if (!isWoken) {
        const waited = Promise.withResolvers<boolean>();
        release = waited.resolve;
        const onAbort = () => waited.resolve(false);
        signal?.addEventListener('abort', onAbort, { once: true });
        const timer = clock.setTimeout(() => waited.resolve(false), ms);
        await waited.promise;
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        release = undefined;
      }
      const wasWoken = isWoken && !signal?.aborted;
      isWoken = false;
      return wasWoken;
    },
  };
}

export interface LoopOptions {
  name: string;
  everyMs: number;
  signal: AbortSignal;
  log: Log;
  clock?: Clock;
  /** Starts a turn before its time. It must use the same clock. */
  wake?: AsyncWake;
  /** Take the first turn now instead of at a random moment within `everyMs`, which spreads replicas started together. */
  immediately?: boolean;
  random?: () => number;
}

/**
 * Calls `fn` every `everyMs` (counted from the end of a turn) until the signal aborts, then resolves; never rejects and
 * never overlaps itself. A failed turn is logged and tried again after a jittered, growing wait that wakes do not shorten.
 */
export async function runLoop(options: LoopOptions, fn: (signal: AbortSignal) => Promise<void> | void): Promise<void> {
  const { name, everyMs, signal, log, clock = systemClock, random = Math.random } = options;
  const wake = options.wake ?? createWake(clock);
  const backoff: Backoff = { baseMs: Math.min(250, everyMs), maxMs: everyMs };
  let failures = 0;
  if (!options.immediately) await wake.wait(Math.floor(random() * everyMs), signal);
  while (!signal.aborted) {
    try {
      await fn(signal);
      failures = 0;
      await wake.wait(everyMs, signal);
    } catch (err) {
      if (signal.aborted) return;
      failures++;
      log.warn({ loop: name, attempt: failures, err }, 'loop turn failed');
      await clock.sleep(fullJitter(backoff, failures, random), signal).catch(() => undefined);
    }
  }
}
