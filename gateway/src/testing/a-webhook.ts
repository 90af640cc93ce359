/** A webhook and a delivery, for suites. */
export const aWebhook = {
  __typename: 'Webhook',
  id: 'whk01jdc000000000000000000000',
  name: 'chat',
  url: 'https://chat.example.com/hook',
  events: ['user.created'],
  isOn: true,
  offReason: null,
  failingSince: null,
};

export const aDelivery = {
  __typename: 'WebhookDelivery',
  id: 'whd01jdc000000000000000000000',
  event: 'user.created',
  state: 'given_up',
  attempts: 8,
  status: 500,
  problem: 'answered 500',
  createdAt: '2026-01-02T03:04:05.000Z',
  nextTryAt: null,
};
