/** Webhooks while the server is killed in the middle of deliveries: everything that has happened arrives, under one id each. */
import { openReceiver, type Receiver } from '@easel/server/src/webhook/receiver.kit.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

const HOOK = `mutation ($url: String!) { createWebhook(input: { name: "ci", url: $url, events: ["user.created"] }) {
  ... on WebhookWithSecret { webhook { id } } } }`;
const CREATE = `mutation ($login: String!) { createServiceAccount(input: { login: $login, name: "a" }) {
  ... on User { id } } }`;
const COUNT = 15;
/** What was being sent is taken by another one when its lease is over: half a minute. */
const ARRIVED_WITHIN_MS = 90_000;

describeWith(['built web'], 'webhooks', () => {
  let stack: Stack;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await openReceiver();
    const env = { EASEL_OUTBOUND_ALLOWED_NETWORKS: receiver.place };
    stack = await startStack({ runtime: 'process', env });
  });
  afterAll(async () => {
    await stack?.stop();
    await receiver?.close();
  });

  it('arrive after kill -9 of the server that sends them', async () => {
    await stack.api.query(HOOK, { url: receiver.url });
    // Takes everything, and says nothing: the server waits for the answer when it is killed.
    receiver.behaviour.answer = () => undefined;
    const logins = Array.from({ length: COUNT }, (_, at) => `account-${at}`);
    for (const login of logins) await stack.api.query(CREATE, { login });
    await eventually(() => receiver.heard.length > 0, 30_000, 'a delivery');
    for (const { identity } of stack.processesOf('server/src/main.ts')) process.kill(identity.pid, 'SIGKILL');
    const heldIds = receiver.heard.map(({ headers }) => headers['webhook-id']);
    receiver.reset();

    const arrived = () => new Set(receiver.heard.map(({ event }) => (event.data.user as { login: string }).login));
    await eventually(() => logins.every((login) => arrived().has(login)), ARRIVED_WITHIN_MS, 'all of them');
    const ids = receiver.heard.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(COUNT);
    expect(heldIds.filter((id) => !ids.includes(id))).toEqual([]);
  });
});
