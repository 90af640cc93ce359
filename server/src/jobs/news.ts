/** Makes notifications, and news for webhooks, of what has happened to environments: their stored events, each once, in the order in which they came. */
import { type Db, inTransaction } from '../db.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import { environmentHappened } from '../webhook/environment-happened.ts';
import type { WebhookService } from '../webhook/webhook.service.ts';

const PER_TURN = 200;

/** Gives how many events were looked at. */
export function passOnNews(parts: {
  db: Db;
  environments: Pick<EnvironmentService, 'takeNews'>;
  notifications: Pick<NotificationService, 'tell'>;
  webhooks: Pick<WebhookService, 'tell'>;
}): Promise<number> {
  return inTransaction(parts.db, async (tx) => {
    const news = await parts.environments.takeNews(tx, PER_TURN);
    for (const one of news) {
      const { id, to, environment } = one;
      const happened = environmentHappened(one);
      if (happened) await parts.webhooks.tell(tx, happened);
      if (to !== 'failed') continue;
      await parts.notifications.tell(tx, {
        userId: environment.ownerId,
        kind: 'environmentFailed',
        thingId: environment.id,
        values: { name: environment.name, problem: environment.failure?.message ?? 'the reason is not known' },
        key: id,
      });
    }
    return news.length;
  });
}
