/**
 * From the first signal to the last process. The first SIGINT, SIGTERM or SIGHUP stops everything in order; one that comes
 * later ends everything at once. npm passes a terminal's Ctrl-C on to its child, who has had it already: two signals within
 * a moment are one.
 */
import { Stop } from '@easel/kit/stop';
import type { Screen } from './screen.ts';

export interface Session {
  readonly stop: Stop;
  /** Adds what ends everything at once: run all together, at the second signal. */
  onHardEnd(end: () => Promise<void> | void): void;
  /** Stops in order and exits. */
  end(reason: string, exitCode: number): Promise<void>;
}

/** Signals this close together are one. */
const sameSignalMs = 1_000;
/** All closers together; each has a limit of its own. */
const stopLimitMs = 120_000;
/** What ending at once may take. */
const hardLimitMs = 15_000;

export function createSession(screen: Screen): Session {
  const stop = new Stop({ softMs: stopLimitMs });
  const hardEnds: (() => Promise<void> | void)[] = [];
  let firstSignalMs = 0;

  const end = async (reason: string, exitCode: number) => {
    await stop.run(reason);
    process.exit(exitCode);
  };
  const endHard = async () => {
    screen.warn('ending everything at once');
    setTimeout(() => process.exit(1), hardLimitMs).unref();
    await Promise.allSettled(hardEnds.map(async (one) => one()));
    process.exit(1);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (!stop.stopping) {
      firstSignalMs = performance.now();
      screen.line(`\nstopping (${signal}); once more ends everything at once`);
      void end(signal, 0);
    } else if (performance.now() - firstSignalMs > sameSignalMs) {
      firstSignalMs = Number.POSITIVE_INFINITY;
      void endHard();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal));
  return { stop, onHardEnd: (one) => void hardEnds.push(one), end };
}
