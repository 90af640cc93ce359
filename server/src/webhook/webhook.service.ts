/**
 * Webhooks: whom this installation tells by HTTP what happens in it. What is told is written into the outbox in the transaction
 * of the act, and goes out by itself (deliver.ts). A secret is shown once, and sealed since each delivery is signed with it.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { Webhook, WebhookDelivery } from '../generated/prisma/client.ts';
import { type Outbound, OutboundRefused } from '../outbound/outbound.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import type { ServerKey } from '../server-key.ts';
import { uniquelyNamed } from '../uniquely-named.ts';
import { nameSchema } from '../user/login.ts';
import { bodyOf, type Happened, PING, WEBHOOK_EVENT_NAMES } from './events.ts';
import { LEASE_MS, lastTry, secretPurpose, sendDelivery, type WebhookTried } from './send.ts';
import { newWebhookSecret } from './signature.ts';
import { type ClaimedDelivery, webhookStore } from './webhook.store.ts';

const webhookSchema = z.object({
  name: nameSchema,
  url: z.url({ protocol: /^https?$/, error: 'expected an https:// address' }).max(2000),
  events: z
    .array(z.enum(WEBHOOK_EVENT_NAMES))
    .min(1, 'choose at least one event')
    .max(100)
    .transform((events) => [...new Set(events)].sort()),
  isOn: z.boolean().default(true),
});

/** Both secrets sign for so long, unless another time is asked for. */
const USUAL_OVERLAP_HOURS = 24;
const overlapSchema = z
  .number()
  .int()
  .min(0)
  .max(30 * 24)
  .default(USUAL_OVERLAP_HOURS);

/** Each is asked at every event; more are a mistake in a script. */
const MAX_WEBHOOKS = 50;

export interface WebhookWithSecret {
  /** Never to be had again. */
  secret: string;
  webhook: Webhook;
}

export class WebhookService {
  readonly #parts: WebhookServiceParts;
  readonly #db: Db;

  constructor(parts: WebhookServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Tells those who listen when, and only when, the transaction commits. */
  async tell(tx: Tx, happened: Happened): Promise<void> {
    const { type, key = null } = happened;
    const listeners = await webhookStore.listeners(tx, type);
    if (listeners.length === 0) return;
    const now = this.#now();
    const row = { event: type, key, body: bodyOf(happened), runAt: now, createdAt: now, attempts: 0 };
    await webhookStore.insertDeliveries(
      tx,
      listeners.map(({ id: webhookId }) => ({ webhookId, ...row })),
    );
  }

  /** Throws FORBIDDEN. */
  list(actor: Actor): Promise<Webhook[]> {
    mustMay(actor, 'webhook.change');
    return reading(() => webhookStore.list(this.#db));
  }

  async create(actor: Actor, input: z.input<typeof webhookSchema>): Promise<WebhookWithSecret> {
    mustMay(actor, 'webhook.change');
    const fields = this.#parse(input);
    const id = webhookStore.newId();
    const secret = newWebhookSecret();
    const row = { id, ...fields, createdById: asUser(actor).userId, createdAt: this.#now() };
    const webhook = await uniquelyNamed({ what: 'a webhook', name: fields.name }, () =>
      inTransaction(this.#db, async (tx) => {
        if ((await webhookStore.list(tx)).length >= MAX_WEBHOOKS) {
          const message = `there are ${MAX_WEBHOOKS} webhooks already: delete one that nobody needs`;
          throw new AppError({ code: 'QUOTA_EXCEEDED', message });
        }
        return webhookStore.insert(tx, { ...row, secret: this.#seal(id, secret) });
      }),
    );
    return { secret, webhook };
  }

  /** What waits for one that is switched off is given up. */
  async update(actor: Actor, id: string, input: z.input<typeof webhookSchema>): Promise<Webhook> {
    const row = await this.#get(actor, id);
    const fields = this.#parse(input);
    return uniquelyNamed({ what: 'a webhook', name: fields.name }, () =>
      inTransaction(this.#db, async (tx) => {
        const updated = await webhookStore.update(tx, row.id, fields);
        const ended = { endedAt: this.#now(), problem: 'the webhook was switched off' };
        if (!fields.isOn) await webhookStore.giveUpWaiting(tx, row.id, ended);
        return updated;
      }),
    );
  }

  async delete(actor: Actor, id: string): Promise<Webhook> {
    const row = await this.#get(actor, id);
    await inTransaction(this.#db, (tx) => webhookStore.delete(tx, row.id));
    return row;
  }

  /** Another secret; the one before still signs, too, for `overlapHours`. */
  async rotateSecret(actor: Actor, id: string, overlapHours?: number | null): Promise<WebhookWithSecret> {
    const row = await this.#get(actor, id);
    const hours = parseInput(overlapSchema, overlapHours ?? undefined);
    const secret = newWebhookSecret();
    const oldSecretUntil = hours === 0 ? null : new Date(this.#now().getTime() + hours * 3_600_000);
    const oldSecret = hours === 0 ? null : row.secret;
    const secrets = { secret: this.#seal(row.id, secret), oldSecret, oldSecretUntil };
    return { secret, webhook: await inTransaction(this.#db, (tx) => webhookStore.setSecrets(tx, row.id, secrets)) };
  }

  /** Sends a ping at once, though the webhook be off, and says what came of it. It is not tried again. */
  async test(actor: Actor, id: string): Promise<WebhookDelivery> {
    const { id: webhookId } = await this.#get(actor, id);
    const now = this.#now();
    const body = bodyOf({ type: PING, at: now, data: {} });
    const runAt = new Date(now.getTime() + LEASE_MS);
    const row = { webhookId, event: PING, key: null, body, runAt, createdAt: now, attempts: 1 };
    const [deliveryId = ''] = await inTransaction(this.#db, (tx) => webhookStore.insertDeliveries(tx, [row]));
    const result = await this.send(await this.#delivery(deliveryId));
    await inTransaction(this.#db, async (tx) => {
      const ended = { ...lastTry(result), endedAt: this.#now() };
      if (!result.isAccepted) return webhookStore.givenUp(tx, deliveryId, ended);
      await webhookStore.delivered(tx, deliveryId, ended);
      await webhookStore.isReached(tx, webhookId);
    });
    return this.#delivery(deliveryId);
  }

  /** Sends it again as it was, under the same id. Throws WRONG_STATE for a webhook that is off. */
  async redeliver(actor: Actor, id: string): Promise<WebhookDelivery> {
    mustMay(actor, 'webhook.change');
    const { webhook } = await this.#delivery(id);
    if (!webhook.isOn) {
      throw new AppError({ code: 'WRONG_STATE', message: 'this webhook is off: switch it on first' });
    }
    return inTransaction(this.#db, (tx) => webhookStore.redeliver(tx, id, this.#now()));
  }

  /** One try. Never throws for what the receiver does. */
  send(row: ClaimedDelivery): Promise<WebhookTried> {
    return sendDelivery(this.#parts, row);
  }

  async #get(actor: Actor, id: string): Promise<Webhook> {
    mustMay(actor, 'webhook.change');
    const row = isId('webhook', id) ? await reading(() => webhookStore.find(this.#db, id)) : null;
    if (!row) throw notFound('webhook');
    return row;
  }

  async #delivery(id: string): Promise<ClaimedDelivery & WebhookDelivery> {
    const row = isId('webhookDelivery', id) ? await reading(() => webhookStore.findDelivery(this.#db, id)) : null;
    if (!row) throw notFound('delivery');
    return row;
  }

  /** An address that is refused whatever its name leads to is refused here; the rest is judged at each delivery. */
  #parse(input: z.input<typeof webhookSchema>): z.output<typeof webhookSchema> {
    const fields = parseInput(webhookSchema, input);
    try {
      this.#parts.outbound.check(new URL(fields.url), { needsTls: true });
    } catch (err) {
      if (err instanceof OutboundRefused) throw invalidInput([{ path: 'url', message: err.message }]);
      throw err;
    }
    return fields;
  }

  #seal(id: string, secret: string): string {
    return this.#parts.key.seal(secret, secretPurpose(id));
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

interface WebhookServiceParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  outbound: Outbound;
}
