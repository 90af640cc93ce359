/** The only file that touches the tables `webhooks` and `webhook_deliveries`. */
import { newId } from '@easel/schema/ids';
import type { Db, Reader, Tx } from '../db.ts';
import type { Webhook, WebhookDelivery } from '../generated/prisma/client.ts';

type Fields = Pick<Webhook, 'name' | 'url' | 'events' | 'isOn'>;
export type ClaimedDelivery = Pick<
  WebhookDelivery,
  'id' | 'webhookId' | 'event' | 'body' | 'attempts' | 'createdAt' | 'runAt'
> & { webhook: Webhook };
/** What the last try has brought. */
export type LastTry = Pick<WebhookDelivery, 'status' | 'answer' | 'problem'>;

/**
 * So many of each webhook at once, and one of those that fail: a receiver that is away neither holds up the others nor is
 * given everything at once when it comes back. Whose turn it is when there are too many is chance.
 */
const PER_WEBHOOK = 10;
const CLAIM_SQL = `
  WITH due AS (
    SELECT d.id FROM webhooks w CROSS JOIN LATERAL (
      SELECT id FROM webhook_deliveries WHERE webhook_id = w.id AND state = 'waiting' AND run_at <= $1
      ORDER BY run_at, id LIMIT CASE WHEN w.failing_since IS NULL THEN ${PER_WEBHOOK} ELSE 1 END FOR UPDATE SKIP LOCKED) d
    WHERE w.is_on ORDER BY random() LIMIT $2)
  UPDATE webhook_deliveries AS d SET run_at = $3, attempts = attempts + 1 FROM due WHERE d.id = due.id RETURNING d.id`;

export const webhookStore = {
  newId: () => newId('webhook'),

  list(db: Reader): Promise<Webhook[]> {
    return db.webhook.findMany({ orderBy: [{ name: 'asc' }, { id: 'asc' }] });
  },

  find(db: Reader, id: string): Promise<Webhook | null> {
    return db.webhook.findUnique({ where: { id } });
  },

  /** Violates a unique index when the name is taken. */
  insert(tx: Tx, row: Fields & Pick<Webhook, 'id' | 'secret' | 'createdById' | 'createdAt'>): Promise<Webhook> {
    return tx.webhook.create({ data: row });
  },

  update(tx: Tx, id: string, fields: Fields): Promise<Webhook> {
    return tx.webhook.update({ where: { id }, data: { ...fields, offReason: null, failingSince: null } });
  },

  setSecrets(tx: Tx, id: string, secrets: Pick<Webhook, 'secret' | 'oldSecret' | 'oldSecretUntil'>): Promise<Webhook> {
    return tx.webhook.update({ where: { id }, data: secrets });
  },

  /** With everything that was to be delivered, and was. */
  async delete(tx: Tx, id: string): Promise<void> {
    await tx.webhook.deleteMany({ where: { id } });
  },

  async isFailing(tx: Tx, id: string, since: Date): Promise<void> {
    await tx.webhook.updateMany({ where: { id, failingSince: null }, data: { failingSince: since } });
  },

  async isReached(db: Reader, id: string): Promise<void> {
    await db.webhook.updateMany({ where: { id, failingSince: { not: null } }, data: { failingSince: null } });
  },

  /** Null when it is off already. */
  async switchOff(tx: Tx, id: string, offReason: string): Promise<Webhook | null> {
    const [row] = await tx.webhook.updateManyAndReturn({ where: { id, isOn: true }, data: { isOn: false, offReason } });
    return row ?? null;
  },

  listeners(tx: Tx, event: string): Promise<{ id: string }[]> {
    return tx.webhook.findMany({ where: { isOn: true, events: { has: event } }, select: { id: true } });
  },

  /** What was told before under the same key is passed over. */
  async insertDeliveries(
    tx: Tx,
    rows: readonly Pick<WebhookDelivery, 'webhookId' | 'event' | 'key' | 'body' | 'runAt' | 'createdAt' | 'attempts'>[],
  ): Promise<string[]> {
    const data = rows.map((row) => ({ id: newId('webhookDelivery', row.createdAt.getTime()), ...row }));
    await tx.webhookDelivery.createMany({ data, skipDuplicates: true });
    return data.map(({ id }) => id);
  },

  async claim(db: Db, claim: { now: Date; until: Date; limit: number }): Promise<ClaimedDelivery[]> {
    const { now, limit, until } = claim;
    const claimed = await db.$queryRawUnsafe<{ id: string }[]>(CLAIM_SQL, now, limit, until);
    const ids = claimed.map(({ id }) => id);
    return ids.length === 0
      ? []
      : db.webhookDelivery.findMany({ where: { id: { in: ids } }, include: { webhook: true } });
  },

  findDelivery(db: Reader, id: string): Promise<(WebhookDelivery & { webhook: Webhook }) | null> {
    return db.webhookDelivery.findUnique({ where: { id }, include: { webhook: true } });
  },

  async delivered(db: Reader, id: string, ended: LastTry & { endedAt: Date }): Promise<void> {
    await db.webhookDelivery.updateMany({ where: { id }, data: { state: 'sent', ...ended } });
  },

  async again(db: Reader, id: string, next: LastTry & { runAt: Date }): Promise<void> {
    await db.webhookDelivery.updateMany({ where: { id, state: 'waiting' }, data: next });
  },

  async givenUp(tx: Tx, id: string, ended: LastTry & { endedAt: Date }): Promise<void> {
    await tx.webhookDelivery.updateMany({ where: { id, state: 'waiting' }, data: { state: 'given_up', ...ended } });
  },

  async giveUpWaiting(tx: Tx, webhookId: string, ended: { endedAt: Date; problem: string }): Promise<void> {
    await tx.webhookDelivery.updateMany({
      where: { webhookId, state: 'waiting' },
      data: { state: 'given_up', ...ended },
    });
  },

  /** Puts it back into the queue, whatever has become of it. */
  redeliver(tx: Tx, id: string, now: Date): Promise<WebhookDelivery> {
    const data = { state: 'waiting', attempts: 0, runAt: now, endedAt: null };
    return tx.webhookDelivery.update({ where: { id }, data });
  },

  async sweep(db: Reader, before: Date): Promise<void> {
    await db.webhookDelivery.deleteMany({ where: { createdAt: { lt: before } } });
  },
};
