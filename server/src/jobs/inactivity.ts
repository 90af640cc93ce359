import type { Log } from '@easel/kit/log';
import { type Db, inTransaction, type Queryable } from '../db.ts';
import { transition } from '../environment/transition.ts';
import { idleEnvironments } from '../presence/idle.ts';

const perTurn = 200;

/**
 * Stops environments in which nothing has happened for as long as their template allows. Only where that is certain: the
 * worker is heard of now and says so; an environment whose worker is silent is never called idle.
 */
export async function stopIdle(parts: {
  db: Db;
  database: Queryable;
  stopSeconds: number;
  log: Log;
  now: () => Date;
}): Promise<number> {
  const { db, log } = parts;
  let count = 0;
  for (const { environmentId, generation, idleMinutes } of await idleEnvironments(parts.database, perTurn)) {
    try {
      const reason = `Nothing has happened for ${idleMinutes} ${idleMinutes === 1 ? 'minute' : 'minutes'}.`;
      const facts = { reason, limitSeconds: parts.stopSeconds };
      const done = await inTransaction(db, (tx) =>
        transition(tx, { environmentId, generation, event: 'stopAsked', actor: 'server', now: parts.now(), facts }),
      );
      if (!done) continue;
      count++;
      log.info({ environmentId, idleMinutes }, 'idle environment stopped');
    } catch (err) {
      log.warn({ environmentId, err }, 'idle environment not stopped');
    }
  }
  return count;
}
