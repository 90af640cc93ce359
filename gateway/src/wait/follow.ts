/**
 * Follows an environment until what was asked of it is done, by the subscription that tells of every change. A line that is
 * cut is dialled again; the first row after that is the newest, so that nothing is missed. Rows older than the one that the
 * wish gave are skipped.
 */
import type { AppError } from '@easel/schema/errors';
import type { Api } from '../api/api.ts';
import { type Environment, environmentChanged } from '../api/environments.ts';
import { CommandError } from '../failure.ts';
import { duration } from '../output/format.ts';
import { type Goal, judge, type Verdict } from './settle.ts';

export interface FollowOptions {
  readonly goal: Goal;
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number | undefined;
  /** Told of each row, the given one included. */
  readonly onChange: (environment: Environment) => void;
  /** Told when the line is cut. */
  readonly onTrouble: () => void;
}

export interface Followed {
  readonly environment: Environment;
  readonly verdict: Exclude<Verdict, 'wait'>;
}

/** Throws TIMED_OUT at the limit, the signal's reason when that aborts, and what the API refuses. */
export async function follow(api: Api, from: Environment, options: FollowOptions): Promise<Followed> {
  const { goal, signal, timeoutSeconds } = options;
  const over = Promise.withResolvers<Followed>();
  let newest = from;
  const look = (environment: Environment) => {
    if (environment.version < newest.version) return;
    newest = environment;
    options.onChange(environment);
    const verdict = judge(goal, environment);
    if (verdict !== 'wait') over.resolve({ environment, verdict });
  };
  const onRefused = (err: unknown) => {
    // Subscribed again after the last change: the row is gone, which is what was wanted.
    const isGone = goal === 'deleted' && (err as Partial<AppError>).code === 'NOT_FOUND';
    if (isGone) over.resolve({ environment: { ...newest, phase: 'deleted' }, verdict: 'done' });
    else over.reject(err);
  };
  const onAbort = () => over.reject(signal.reason);
  const timer =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => over.reject(timedOut(newest, goal, timeoutSeconds)), timeoutSeconds * 1000);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  look(from);
  const subscription = api.subscribe(environmentChanged, () => ({ id: from.id }), {
    onNext: look,
    onRefused,
    onTrouble: options.onTrouble,
  });
  try {
    return await over.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    subscription.close();
  }
}

function timedOut(environment: Environment, goal: Goal, timeoutSeconds: number): CommandError {
  return new CommandError(
    'TIMED_OUT',
    `${environment.name} is ${environment.phase}, not ${goal}, after ${duration(timeoutSeconds * 1000)}; it goes on: \`easel show ${environment.name}\``,
  );
}
