/**
 * Runs the steps of a start, one after the other: each is reported, has a time limit, and can be cut short by a stop.
 *
 * A step that fails or is cut short throws; what it and the steps before it made is on the undo list, and the caller works
 * that off. A step that does not heed its signal is left behind after `heedLimitMs`: the undo list ends what it made.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { StepName } from '@easel/schema/states/step';
import type { LogLine, WorkerEvent } from '@easel/schema/wire/worker';
import { Failed, failureOf } from './failed.ts';
import type { Undo } from './undo.ts';

/** What a step gets. */
export interface StepContext {
  /** Aborts when the time is up or a stop is asked for. */
  signal: AbortSignal;
  /** `fraction` 0–1 where it is known. Called as often as one likes. */
  progress(fraction: number | null, text: string): void;
  /** A line in the log of this step. */
  line(text: string, stream?: LogLine['stream']): void;
  undo: Undo;
}

/** How a step went well: a value for the next steps and half a sentence for the person. */
export interface Outcome<T> {
  value: T;
  text?: string;
}

export interface StepRunner {
  /** Throws `Failed`, or the stop signal's reason. */
  run<T>(name: StepName, limitMs: number | null, work: (context: StepContext) => Promise<Outcome<T>>): Promise<T>;
  /** Says that there is nothing to do for this step. */
  skip(name: StepName, text: string): void;
}

/** Between two reports of progress: the eye sees no more, the server stores each. */
const progressEveryMs = 400;
/** How long a step may take to heed its signal. */
const heedLimitMs = 10_000;
const maxTextLength = 500;

export function createStepRunner(options: {
  report: (event: WorkerEvent) => void;
  line: (source: string, stream: LogLine['stream'], text: string) => void;
  undo: Undo;
  clock: Clock;
  log: Log;
  /** Aborts when a stop is asked for. */
  signal: AbortSignal;
}): StepRunner {
  const { report, line, undo, clock, log, signal } = options;

  async function run<T>(name: StepName, limitMs: number | null, work: (context: StepContext) => Promise<Outcome<T>>) {
    signal.throwIfAborted();
    const startedMs = clock.now();
    const limit = new AbortController();
    const timer = limitMs === null ? null : clock.setTimeout(() => limit.abort(timedOut(name, limitMs)), limitMs);
    const context: StepContext = {
      signal: AbortSignal.any([signal, limit.signal]),
      progress: throttled(clock, (fraction, text) => report({ type: 'step.progressed', step: name, fraction, text })),
      line: (text, stream = 'system') => line(name, stream, text),
      undo,
    };
    report({ type: 'step.started', step: name, text: '' });
    try {
      const { value, text = '' } = await heeding(work(context), context.signal, clock);
      report({ type: 'step.finished', step: name, durationMs: clock.now() - startedMs, text: cut(text) });
      if (text) context.line(text);
      log.info({ step: name, durationMs: clock.now() - startedMs }, 'step finished');
      return value;
    } catch (err) {
      if (signal.aborted) {
        report({ type: 'step.skipped', step: name, text: 'Stopped.' });
        context.line('Stopped.');
        throw signal.reason;
      }
      const failed = limit.signal.aborted ? limit.signal.reason : err;
      const failure = { ...failureOf(failed), step: name };
      report({ type: 'step.failed', step: name, durationMs: clock.now() - startedMs, failure });
      context.line(`Failed: ${failure.message}`);
      log.warn({ step: name, failure: failure.class, durationMs: clock.now() - startedMs, err }, 'step failed');
      throw new Failed(failure, err);
    } finally {
      timer?.cancel();
    }
  }

  return { run, skip: (name, text) => report({ type: 'step.skipped', step: name, text: cut(text) }) };
}

function timedOut(step: StepName, limitMs: number): Failed {
  return new Failed({ class: 'timed_out', step, message: `Not done within ${Math.round(limitMs / 1000)} seconds.` });
}

/** The promise's own end, or, when the signal aborts, the signal's reason after a moment to heed it. */
async function heeding<T>(work: Promise<T>, signal: AbortSignal, clock: Clock): Promise<T> {
  const leftBehind = Promise.withResolvers<never>();
  let timer: { cancel(): void } | undefined;
  const onAbort = () => {
    timer = clock.setTimeout(() => leftBehind.reject(signal.reason), heedLimitMs);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const value = await Promise.race([work, leftBehind.promise]);
    signal.throwIfAborted();
    return value;
  } finally {
    signal.removeEventListener('abort', onAbort);
    timer?.cancel();
  }
}

/** Lets the first call of a while through and tells nothing twice; the end of the step says the rest. */
function throttled(clock: Clock, tell: (fraction: number | null, text: string) => void): StepContext['progress'] {
  let nextMs = 0;
  let lastText = '';
  let lastFraction: number | null = null;
  return (fraction, text) => {
    const isNews = text !== lastText || fraction !== lastFraction;
    if (!isNews || clock.now() < nextMs) return;
    nextMs = clock.now() + progressEveryMs;
    lastText = text;
    lastFraction = fraction;
    tell(fraction === null ? null : Math.min(1, Math.max(0, fraction)), cut(text));
  };
}

function cut(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength - 1)}…`;
}
