/** A timer that has been set and can be taken back. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as a parameter, so that a test can hold it still. Production code takes a `Clock`, never `Date.now()` or
 * `setTimeout` directly where the moment matters.
 */
export interface Clock {
  /** Milliseconds since 1970 on this machine's clock, which may be stepped: never measure a lease with it. */
  now(): number;
  /** Resolves after `ms`; rejects at once with the signal's reason when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  setTimeout(fn: () => void, ms: number): Timer;
}

/** Gives a `sleep` on top of any `setTimeout`; both clocks share it so that they agree on aborting. */
export function sleepOn(setTimer: Clock['setTimeout']): Clock['sleep'] {
  return (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = setTimer(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
}

function systemTimeout(fn: () => void, ms: number): Timer {
  const handle = setTimeout(fn, ms);
  return { cancel: () => clearTimeout(handle) };
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now(), sleep: sleepOn(systemTimeout), setTimeout: systemTimeout };
