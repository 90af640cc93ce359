/** Tells the owners of API tokens a week and a day before those end; of a service account's, the administrators. */
import type { Clock } from '@easel/kit/clock';
import type { UserId } from '@easel/schema/ids';
import { type Db, inTransaction } from '../db.ts';
import type { ApiTokenService } from '../user/api-token.service.ts';
import type { NotificationService } from './notification.service.ts';

const DAY_MS = 86_400_000;
const DAYS_BEFORE = [7, 1];

export async function tellExpiringTokens(parts: {
  db: Db;
  apiTokens: Pick<ApiTokenService, 'expiring'>;
  notifications: Pick<NotificationService, 'tell'>;
  clock: Clock;
}): Promise<void> {
  const now = parts.clock.now();
  const until = new Date(now + Math.max(...DAYS_BEFORE) * DAY_MS);
  await inTransaction(parts.db, async (tx) => {
    for (const { id, name, user, createdAt, expiresAt } of await parts.apiTokens.expiring(tx, new Date(now), until)) {
      const left = expiresAt.getTime() - now;
      const days = DAYS_BEFORE.toSorted((a, b) => a - b).find((days) => left <= days * DAY_MS);
      // Whoever has made one for a day knows.
      if (days === undefined || expiresAt.getTime() - createdAt.getTime() <= days * DAY_MS) continue;
      await parts.notifications.tell(tx, {
        ...(user.kind === 'service' ? { everyAdministrator: true } : { userId: user.id as UserId }),
        kind: 'tokenExpiring',
        thingId: id,
        values: { name, owner: user.login, date: expiresAt.toISOString() },
        key: `${id} ${days}`,
      });
    }
  });
}
