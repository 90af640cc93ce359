import { type Clock, sleepOn } from './clock.ts';

/** A clock that moves only when told to. For tests. */
export interface FakeClock extends Clock {
  /**
   * Moves time on by `ms`, firing what falls due in order; after each timer everything that was waiting for it runs
   * (promises and input/output callbacks of one turn), so timers set by those are seen too.
   */
  advance(ms: number): Promise<void>;
  /** How many timers are set: zero at the end of a test means that nothing was left behind. */
  readonly pending: number;
}

/** Gives a clock standing at `startMs`. */
export function fakeClock(startMs = 0): FakeClock {
  let nowMs = startMs;
  let nextId = 0;
  const timers = new Map<number, { atMs: number; fn: () => void }>();

  const setTimer: Clock['setTimeout'] = (fn, ms) => {
    const id = nextId++;
    timers.set(id, { atMs: nowMs + Math.max(0, ms), fn });
    return { cancel: () => void timers.delete(id) };
  };
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const firstDue = (untilMs: number) =>
    [...timers].filter(([, timer]) => timer.atMs <= untilMs).sort((a, b) => a[1].atMs - b[1].atMs || a[0] - b[0])[0];

  return {
    now: () => nowMs,
    sleep: sleepOn(setTimer),
    setTimeout: setTimer,
    get pending() {
      return timers.size;
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let due = firstDue(untilMs); due; due = firstDue(untilMs)) {
        const [id, timer] = due;
        timers.delete(id);
        nowMs = Math.max(nowMs, timer.atMs);
        timer.fn();
        await settle();
      }
      nowMs = untilMs;
    },
  };
}
