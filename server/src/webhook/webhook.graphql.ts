import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import { may } from '../rights/may.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from './events.ts';
import type { WebhookWithSecret } from './webhook.service.ts';

const DeliveryStateEnum = builder.enumType('WebhookDeliveryState', {
  values: ['waiting', 'sent', 'given_up'] as const,
});

const DeliveryType = builder.prismaObject('WebhookDelivery', {
  description: 'An event for one webhook, and what has become of it. Kept for a month.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Sent as `webhook-id`; the same at every try.' }),
    event: t.exposeString('event', { description: 'Of `webhookEvents`, or `webhook.ping`.' }),
    state: t.field({
      type: DeliveryStateEnum,
      resolve: ({ state }) => (state === 'sent' || state === 'given_up' ? state : 'waiting'),
    }),
    attempts: t.exposeInt('attempts'),
    status: t.exposeInt('status', { nullable: true, description: 'HTTP status of the last answer.' }),
    answer: t.exposeString('answer', { nullable: true, description: 'Its beginning. Whatever the receiver wrote.' }),
    problem: t.exposeString('problem', { nullable: true, description: 'Why the last try did not succeed.' }),
    body: t.exposeString('body', { description: 'What was signed and sent.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true }),
    nextTryAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ state, runAt }) => (state === 'waiting' ? runAt : null),
    }),
  }),
});

const WebhookNode = builder.prismaNode('Webhook', {
  id: { field: 'id' },
  authScopes: (_webhook, { actor }) => may(actor, 'webhook.change'),
  fields: (t) => ({
    name: t.exposeString('name'),
    url: t.exposeString('url'),
    events: t.exposeStringList('events', { description: 'Of `webhookEvents`.' }),
    isOn: t.exposeBoolean('isOn'),
    offReason: t.exposeString('offReason', {
      nullable: true,
      description: 'What went wrong, if it was switched off by itself because nothing reached it for days.',
    }),
    failingSince: t.expose('failingSince', {
      type: 'DateTime',
      nullable: true,
      description: 'All tries have failed since then.',
    }),
    oldSecretUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until then deliveries are signed with the secret before, too.',
      resolve: ({ oldSecretUntil }) =>
        oldSecretUntil && oldSecretUntil.getTime() > Date.now() ? oldSecretUntil : null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    deliveries: t.relatedConnection(
      'deliveries',
      { type: DeliveryType, cursor: 'id', description: 'The newest first.', query: { orderBy: { id: 'desc' } } },
      { name: 'WebhookDeliveriesConnection' },
      { name: 'WebhookDeliveriesEdge' },
    ),
  }),
});

const WebhookWithSecretType = builder.objectRef<WebhookWithSecret>('WebhookWithSecret').implement({
  fields: (t) => ({
    secret: t.exposeString('secret', { description: '`whsec_…`, what deliveries are signed with. Shown this once.' }),
    webhook: t.expose('webhook', { type: WebhookNode }),
  }),
});

const EventType = builder.objectRef<{ name: string; description: string }>('WebhookEvent').implement({
  fields: (t) => ({ name: t.exposeString('name'), description: t.exposeString('description') }),
});

const WebhookInput = builder.inputType('WebhookInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    url: t.string({
      required: true,
      description: 'https://; http:// only to what EASEL_OUTBOUND_ALLOWED_NETWORKS names.',
    }),
    events: t.stringList({ required: true, description: 'Of `webhookEvents`.' }),
    isOn: t.boolean({ description: 'True when left out.' }),
  }),
});

function webhookInput({ isOn, events, ...input }: typeof WebhookInput.$inferInput) {
  return { ...input, events: events as WebhookEvent[], ...(isOn === null || isOn === undefined ? {} : { isOn }) };
}

builder.queryFields((t) => ({
  webhooks: t.prismaField({
    type: [WebhookNode],
    authScopes: (_root, _args, { actor }) => may(actor, 'webhook.change'),
    description: 'Who is told of events by HTTP.',
    resolve: (_query, _root, _args, { services, actor }) => services.webhooks.list(actor),
  }),
  webhookEvents: t.field({
    type: [EventType],
    authScopes: { user: true },
    description: 'What webhooks can be told of.',
    resolve: () => Object.entries(WEBHOOK_EVENTS).map(([name, description]) => ({ name, description })),
  }),
}));

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  const input = t.arg({ type: WebhookInput, required: true });
  return {
    createWebhook: t.field({
      type: WebhookWithSecretType,
      ...refusals('NAME_TAKEN', 'QUOTA_EXCEEDED'),
      args: { input },
      resolve: (_root, { input }, { services, actor }) => services.webhooks.create(asUser(actor), webhookInput(input)),
    }),
    updateWebhook: t.prismaField({
      type: WebhookNode,
      ...refusals('NAME_TAKEN', 'NOT_FOUND'),
      args: { id, input },
      resolve: (_query, _root, { id, input }, { services, actor }) =>
        services.webhooks.update(asUser(actor), id, webhookInput(input)),
    }),
    deleteWebhook: t.prismaField({
      type: WebhookNode,
      ...refusals('NOT_FOUND'),
      description: 'With its deliveries.',
      args: { id },
      resolve: (_query, _root, { id }, { services, actor }) => services.webhooks.delete(asUser(actor), id),
    }),
    rotateWebhookSecret: t.field({
      type: WebhookWithSecretType,
      ...refusals('NOT_FOUND'),
      args: {
        id,
        overlapHours: t.arg.int({
          description: 'So long deliveries are signed with the secret before, too; a day when left out, 0 ends it now.',
        }),
      },
      resolve: (_root, { id, overlapHours }, { services, actor }) =>
        services.webhooks.rotateSecret(asUser(actor), id, overlapHours ?? null),
    }),
    testWebhook: t.prismaField({
      type: DeliveryType,
      ...refusals('NOT_FOUND'),
      description: 'Sends a `webhook.ping` at once, though the webhook be off, and waits for the answer.',
      args: { id },
      resolve: (_query, _root, { id }, { services, actor }) => services.webhooks.test(asUser(actor), id),
    }),
    redeliverWebhook: t.prismaField({
      type: DeliveryType,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'Puts a delivery back into the queue, whatever has become of it. It keeps its id.',
      args: { id: t.arg.id({ required: true, description: 'Of the delivery.' }) },
      resolve: (_query, _root, { id }, { services, actor }) => services.webhooks.redeliver(asUser(actor), id),
    }),
  };
});
