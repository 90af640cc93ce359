/** Webhooks and their deliveries. */
import { z } from 'zod';
import { operation, page, REFUSAL } from './operation.ts';

const webhookSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  isOn: z.boolean(),
  offReason: z.string().nullable(),
  failingSince: z.string().nullable(),
});
export type Webhook = z.output<typeof webhookSchema>;
const WEBHOOK = 'id name url events isOn offReason failingSince';

const deliverySchema = z.object({
  id: z.string(),
  event: z.string(),
  state: z.string(),
  attempts: z.number(),
  status: z.number().nullable(),
  problem: z.string().nullable(),
  createdAt: z.string(),
  nextTryAt: z.string().nullable(),
});
const DELIVERY = 'id event state attempts status problem createdAt nextTryAt';

export const webhooksQuery = operation(`query { result: webhooks { ${WEBHOOK} } }`, z.array(webhookSchema));

export const webhookEventsQuery = operation(
  'query { result: webhookEvents { name description } }',
  z.array(z.object({ name: z.string(), description: z.string() })),
);

export const createWebhookMutation = operation(
  `mutation ($input: WebhookInput!) {
    result: createWebhook(input: $input) { ... on WebhookWithSecret { secret webhook { ${WEBHOOK} } } ${REFUSAL} }
  }`,
  z.object({ secret: z.string(), webhook: webhookSchema }),
);

export const deleteWebhookMutation = operation(
  `mutation ($id: ID!) { result: deleteWebhook(id: $id) { ... on Webhook { ${WEBHOOK} } ${REFUSAL} } }`,
  webhookSchema,
);

export const testWebhookMutation = operation(
  `mutation ($id: ID!) { result: testWebhook(id: $id) { ... on WebhookDelivery { ${DELIVERY} } ${REFUSAL} } }`,
  deliverySchema,
);

export const deliveriesQuery = operation(
  `query ($id: ID!, $first: Int!) { result: node(id: $id) { ... on Webhook {
    deliveries(first: $first) { edges { node { ${DELIVERY} } } pageInfo { hasNextPage endCursor } } } } }`,
  z.object({ deliveries: page(deliverySchema) }).nullable(),
);

export const redeliverWebhookMutation = operation(
  `mutation ($id: ID!) { result: redeliverWebhook(id: $id) { ... on WebhookDelivery { ${DELIVERY} } ${REFUSAL} } }`,
  deliverySchema,
);
