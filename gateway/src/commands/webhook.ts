/** webhook list, events, create, test, delete, deliveries, redeliver. */
import type { Api } from '../api/api.ts';
import {
  createWebhookMutation,
  deleteWebhookMutation,
  deliveriesQuery,
  redeliverWebhookMutation,
  testWebhookMutation,
  type Webhook,
  webhookEventsQuery,
  webhooksQuery,
} from '../api/webhooks.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../failure.ts';
import { relative } from '../output/format.ts';
import { pick } from './find.ts';

export async function listWebhooks({ api: open, out }: Context): Promise<void> {
  const webhooks = await (await open()).ask(webhooksQuery, {}, { isRepeatable: true });
  out.json(webhooks);
  if (!out.isJson && webhooks.length === 0) out.note('no webhooks; `easel webhook create` makes one');
  if (webhooks.length === 0) return;
  const rows = webhooks.map((one) => [one.name, stateOf(one), one.url, one.events.join(' '), one.id]);
  out.table(['NAME', 'STATE', 'ADDRESS', 'EVENTS', 'ID'], rows);
}

export async function listEvents({ api: open, out }: Context): Promise<void> {
  const events = await (await open()).ask(webhookEventsQuery, {}, { isRepeatable: true });
  out.json(events);
  out.table(
    ['EVENT', 'WHEN'],
    events.map(({ name, description }) => [name, description]),
  );
}

/** The secret alone stands on the standard output, so that a script can take it. */
export async function createWebhook(
  { api: open, out }: Context,
  name: string,
  url: string,
  { event: events }: { event: readonly string[] },
): Promise<void> {
  const made = await (await open()).ask(createWebhookMutation, { input: { name, url, events } });
  out.json(made);
  if (out.isJson) return;
  out.note(`The webhook ${made.webhook.name} is made. Its secret is shown this once:`);
  out.line(made.secret);
}

/** Throws when the receiver has not taken the ping. */
export async function testWebhook({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const { id, name } = await find(api, which);
  const { problem, ...sent } = await api.ask(testWebhookMutation, { id });
  out.json({ ...sent, problem });
  if (problem !== null) throw new CommandError('WEBHOOK_NOT_TAKEN', `${name} did not take the ping: ${problem}`);
  out.line(`${name} has taken the ping`);
}

export async function deleteWebhook({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const { id } = await find(api, which);
  const deleted = await api.ask(deleteWebhookMutation, { id });
  out.json(deleted);
  out.line(`The webhook ${deleted.name} is deleted`);
}

export async function listDeliveries(
  { api: open, out }: Context,
  which: string,
  { number: first }: { number: number },
): Promise<void> {
  const api = await open();
  const { id } = await find(api, which);
  const found = await api.ask(deliveriesQuery, { id, first }, { isRepeatable: true });
  const deliveries = found?.deliveries.items ?? [];
  out.json(deliveries);
  if (!out.isJson && deliveries.length === 0) out.note('nothing was delivered yet');
  if (deliveries.length === 0) return;
  const nowMs = Date.now();
  const rows = deliveries.map((one) => [
    one.event,
    one.state,
    String(one.attempts),
    one.status === null ? '' : String(one.status),
    relative(one.createdAt, nowMs),
    one.id,
    one.problem ?? '',
  ]);
  out.table(['EVENT', 'STATE', 'TRIES', 'STATUS', 'AGE', 'ID', 'PROBLEM'], rows);
}

export async function redeliver({ api: open, out }: Context, id: string): Promise<void> {
  const delivery = await (await open()).ask(redeliverWebhookMutation, { id });
  out.json(delivery);
  out.line(`${delivery.event} is on its way again`);
}

async function find(api: Api, which: string): Promise<Webhook> {
  return pick(await api.ask(webhooksQuery, {}, { isRepeatable: true }), which, 'webhook');
}

function stateOf({ isOn, failingSince }: Webhook): string {
  if (!isOn) return 'off';
  return failingSince === null ? 'on' : 'failing';
}
