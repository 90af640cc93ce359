/** Tells of a snapshot that has become ready, or has failed, in the transaction that says so. */
import type { Tx } from '../db.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import type { WebhookService } from '../webhook/webhook.service.ts';
import type { SnapshotRow } from './snapshot-row.ts';

export function tellOfSnapshots(parts: {
  environments: Pick<EnvironmentService, 'findEver'>;
  notifications: Pick<NotificationService, 'tell'>;
  webhooks: Pick<WebhookService, 'tell'>;
}): (tx: Tx, row: SnapshotRow, at: Date) => Promise<void> {
  return async (tx, row, at) => {
    const { id, name, state } = row;
    const found = await parts.environments.findEver(row.environmentId);
    const environment = { id: row.environmentId, name: found?.name ?? row.environmentId };
    const type = state === 'ready' ? 'snapshot.ready' : 'snapshot.failed';
    await parts.webhooks.tell(tx, {
      type,
      at,
      data: { snapshot: { id, name, state, environment } },
      key: `${id} ${state}`,
    });
    if (state !== 'failed') return;
    await parts.notifications.tell(tx, {
      userId: row.ownerId,
      kind: 'snapshotFailed',
      thingId: row.environmentId,
      values: { name, environment: environment.name, problem: row.failure?.message ?? 'the reason is not known' },
      key: `${id} failed`,
    });
  };
}
