import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const webhookFields = graphql(`
  fragment WebhookFields on Webhook @_unmask {
    id name url events isOn offReason failingSince oldSecretUntil createdAt
  }
`);

export const webhooks = graphql(
  `
  query Webhooks {
    webhooks { ...WebhookFields }
    webhookEvents { name description }
  }
`,
  [webhookFields],
);
export type Webhook = ResultOf<typeof webhooks>['webhooks'][number];
export type WebhookEvent = ResultOf<typeof webhooks>['webhookEvents'][number];

const deliveryFields = graphql(`
  fragment DeliveryFields on WebhookDelivery @_unmask {
    id event state attempts status answer problem body createdAt endedAt nextTryAt
  }
`);

export const webhook = graphql(
  `
  query Webhook($id: ID!, $after: String) {
    node(id: $id) {
      __typename
      ... on Webhook {
        ...WebhookFields
        deliveries(first: 20, after: $after) {
          edges { node { ...DeliveryFields } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
    webhookEvents { name description }
  }
`,
  [webhookFields, deliveryFields],
);
type Found = Extract<NonNullable<ResultOf<typeof webhook>['node']>, { __typename: 'Webhook' }>;
export type Delivery = Found['deliveries']['edges'][number]['node'];

export const createWebhook = graphql(
  `
  mutation CreateWebhook($input: WebhookInput!) {
    result: createWebhook(input: $input) {
      __typename
      ... on WebhookWithSecret { secret webhook { ...WebhookFields } }
      ... on Refusal { code message }
    }
  }
`,
  [webhookFields],
);

export const updateWebhook = graphql(
  `
  mutation UpdateWebhook($id: ID!, $input: WebhookInput!) {
    result: updateWebhook(id: $id, input: $input) {
      __typename
      ... on Webhook { ...WebhookFields }
      ... on Refusal { code message }
    }
  }
`,
  [webhookFields],
);

export const deleteWebhook = graphql(`
  mutation DeleteWebhook($id: ID!) {
    result: deleteWebhook(id: $id) {
      __typename
      ... on Webhook { id }
      ... on Refusal { code message }
    }
  }
`);

export const rotateWebhookSecret = graphql(
  `
  mutation RotateWebhookSecret($id: ID!, $overlapHours: Int!) {
    result: rotateWebhookSecret(id: $id, overlapHours: $overlapHours) {
      __typename
      ... on WebhookWithSecret { secret webhook { ...WebhookFields } }
      ... on Refusal { code message }
    }
  }
`,
  [webhookFields],
);

export const testWebhook = graphql(
  `
  mutation TestWebhook($id: ID!) {
    result: testWebhook(id: $id) {
      __typename
      ... on WebhookDelivery { ...DeliveryFields }
      ... on Refusal { code message }
    }
  }
`,
  [deliveryFields],
);

export const redeliverWebhook = graphql(
  `
  mutation RedeliverWebhook($id: ID!) {
    result: redeliverWebhook(id: $id) {
      __typename
      ... on WebhookDelivery { ...DeliveryFields }
      ... on Refusal { code message }
    }
  }
`,
  [deliveryFields],
);
