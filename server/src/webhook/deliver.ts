/**
 * The outbox of webhooks. Each delivery is tried eight times over a day, under the same `webhook-id`. A webhook that nothing
 * has reached for days is switched off, and whoever set it up is told.
 */
import type { UserId } from '@easel/schema/ids';
import { inTransaction, reading, type Tx } from '../db.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import { type Outbox, type OutboxParts, sendDue, type Unwritten } from '../outbox/outbox.ts';
import { PING } from './events.ts';
import { LEASE_MS, lastTry, type WebhookTried } from './send.ts';
import type { WebhookService } from './webhook.service.ts';
import { type ClaimedDelivery, webhookStore } from './webhook.store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** After the first try that failed, the second, and so on: a restart, a deployment, a night. */
const WAITS_MS = [MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 8 * HOUR_MS, 8 * HOUR_MS];
/** A weekend without anybody who mends it is not enough. */
const OFF_AFTER_DAYS = 3;
const KEEP_DAYS = 30;

export interface DeliverParts extends OutboxParts {
  webhooks: Pick<WebhookService, 'send'>;
  notifications: Pick<NotificationService, 'tell'>;
}

/** Gives how many were tried. */
export function deliverWebhooks(parts: DeliverParts, unwritten: Unwritten): Promise<number> {
  return sendDue(outboxOf(parts), parts, unwritten);
}

/** Forgets what is a month old. */
export function sweepDeliveries({ db, clock }: Pick<OutboxParts, 'db' | 'clock'>): Promise<void> {
  return reading(() => webhookStore.sweep(db, new Date(clock.now() - KEEP_DAYS * DAY_MS)));
}

/** Null when no wait is left. A little earlier or later, so that a thousand do not come at one moment. */
export function nextTryAfter(attempts: number, now: Date, random = Math.random): Date | null {
  const waitMs = WAITS_MS[attempts - 1];
  return waitMs === undefined ? null : new Date(now.getTime() + Math.round(waitMs * (0.9 + 0.2 * random())));
}

function outboxOf(parts: DeliverParts): Outbox<ClaimedDelivery, WebhookTried> {
  return {
    name: 'webhook',
    leaseMs: LEASE_MS,
    claim: (db, claim) => webhookStore.claim(db, claim),
    send: (row) => parts.webhooks.send(row),
    nextTry: ({ attempts }, now) => nextTryAfter(attempts, now),
    async sent(db, { id, webhookId }, result, endedAt) {
      await webhookStore.delivered(db, id, { ...lastTry(result), endedAt });
      await webhookStore.isReached(db, webhookId);
    },
    again: (db, row, result, runAt) =>
      inTransaction(db, async (tx) => {
        await webhookStore.again(tx, row.id, { ...lastTry(result), runAt });
        await failed(parts, tx, { row, result });
      }),
    async givenUp(tx, row, result, endedAt) {
      await webhookStore.givenUp(tx, row.id, { ...lastTry(result), endedAt });
      await failed(parts, tx, { row, result });
    },
    // Not the address: whoever knows it may be believed by the receiver.
    fieldsOf: ({ id: deliveryId, webhookId, event }) => ({ deliveryId, webhookId, event }),
  };
}

async function failed(
  { clock, notifications }: DeliverParts,
  tx: Tx,
  { row, result }: { row: ClaimedDelivery; result: WebhookTried },
): Promise<void> {
  // Whoever tries a webhook out is told at once.
  if (row.event === PING) return;
  const now = new Date(clock.now());
  const { webhookId } = row;
  await webhookStore.isFailing(tx, webhookId, now);
  const since = row.webhook.failingSince ?? now;
  const isOver = result.isGone === true || now.getTime() - since.getTime() >= OFF_AFTER_DAYS * DAY_MS;
  const off = isOver ? await webhookStore.switchOff(tx, webhookId, result.answer) : null;
  if (!off) return;
  await webhookStore.giveUpWaiting(tx, webhookId, { endedAt: now, problem: 'the webhook was switched off' });
  const told = {
    kind: 'webhookOff' as const,
    thingId: webhookId,
    values: { name: off.name, problem: result.answer },
    key: `${webhookId} ${now.toISOString()}`,
  };
  await notifications.tell(tx, { everyAdministrator: true, ...told });
  await notifications.tell(tx, { userId: off.createdById as UserId, ...told });
}
