/** Tells administrators once a day how often somebody reached a limit on the day before, and who. */
import type { Clock } from '@easel/kit/clock';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, inTransaction } from '../db.ts';
import type { NotificationService } from './notification.service.ts';

const DAY_MS = 86_400_000;
/** Whoever wants all of them looks into the audit log. */
const MAX_NAMED = 5;

export async function tellReachedQuotas(parts: {
  db: Db;
  audit: Pick<AuditService, 'countByActor'>;
  notifications: Pick<NotificationService, 'tell'>;
  clock: Clock;
}): Promise<void> {
  // A day is told when it is over, in UTC as everywhere in the log.
  const until = Math.floor(parts.clock.now() / DAY_MS) * DAY_MS;
  const from = new Date(until - DAY_MS);
  await inTransaction(parts.db, async (tx) => {
    const reached = await parts.audit.countByActor(tx, { outcome: 'QUOTA_EXCEEDED', from, until: new Date(until) });
    if (reached.length === 0) return;
    const count = reached.reduce((sum, one) => sum + one.count, 0);
    const named = reached.slice(0, MAX_NAMED).map(({ login, count }) => `${login} (${count})`);
    const who = [...named, ...(reached.length > MAX_NAMED ? ['…'] : [])].join(', ');
    await parts.notifications.tell(tx, {
      everyAdministrator: true,
      kind: 'quotaReached',
      values: { count: String(count), who },
      key: `quota ${from.toISOString().slice(0, 10)}`,
    });
  });
}
