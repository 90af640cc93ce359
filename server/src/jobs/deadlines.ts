import type { Log } from '@easel/kit/log';
import type { EnvironmentFacts } from '../environment/facts.ts';

const perTurn = 200;

/**
 * Ends what has waited too long: a stop that is forced, a grace period that expires. The row says what is due; a deadline
 * that two replicas see is passed once, since the second one finds it gone. One that cannot be ended now does not keep the
 * others.
 */
export async function passDeadlines(parts: {
  facts: Pick<EnvironmentFacts, 'overdue' | 'deadlinePassed'>;
  log: Log;
}): Promise<number> {
  let count = 0;
  for (const environmentId of await parts.facts.overdue(perTurn)) {
    try {
      if (!(await parts.facts.deadlinePassed(environmentId))) continue;
      count++;
      parts.log.info({ environmentId }, 'deadline passed');
    } catch (err) {
      parts.log.warn({ environmentId, err }, 'deadline not passed');
    }
  }
  return count;
}
