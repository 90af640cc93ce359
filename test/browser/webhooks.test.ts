/** Webhooks in an administrator's browser, and somebody who listens. */
import { isSignedBy, openReceiver, type Receiver } from '@easel/server/src/webhook/receiver.kit.ts';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'webhooks in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let receiver: Receiver;
  let page: Page;
  let secret = '';

  beforeAll(async () => {
    receiver = await openReceiver();
    stack = await startStack({ runtime: 'process', env: { EASEL_OUTBOUND_ALLOWED_NETWORKS: receiver.place } });
    browser = await openBrowser(stack);
    page = await browser.open('/platform/webhooks');
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
    await receiver?.close();
  });

  const deliveries = () => page.getByRole('list', { name: 'Deliveries' }).getByRole('listitem');

  it('one is made, and its secret is shown once', async () => {
    await page.getByText('No webhooks yet').waitFor();
    await photograph(page, 'webhooks-empty');
    await page.getByRole('button', { name: 'New webhook' }).click();
    const dialog = page.getByRole('dialog', { name: 'New webhook' });
    await dialog.getByRole('button', { name: 'Create webhook' }).click();
    await dialog.getByText('Enter a name.').waitFor();
    await dialog.getByLabel('Name').fill('Chat');
    await dialog.getByLabel('Address').fill('https://10.0.0.1/');
    await dialog.getByRole('checkbox', { name: /user\.created/ }).check();
    await dialog.getByRole('button', { name: 'Create webhook' }).click();
    await dialog.getByText(/10\.0\.0\.1 is not public/).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'webhooks-new');
    await dialog.getByLabel('Address').fill(receiver.url);
    await dialog.getByRole('button', { name: 'Create webhook' }).click();
    const shown = page.getByRole('dialog', { name: 'Webhook created' });
    secret = (await shown.locator('code').textContent()) ?? '';
    expect(secret).toMatch(/^whsec_/);
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'webhooks-secret');
    await shown.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByRole('link', { name: /Chat/ }).waitFor();
    await photograph(page, 'webhooks-list');
  });

  it('a ping says whether it is taken', async () => {
    await page.getByRole('link', { name: /Chat/ }).click();
    await page.getByText('Nothing was delivered yet').waitFor();
    await page.getByRole('button', { name: 'Send a ping' }).click();
    await page.getByText('The ping was taken').waitFor();
    await deliveries().getByText('webhook.ping', { exact: true }).waitFor();
    expect(receiver.heard.map((one) => isSignedBy(secret, one))).toEqual([true]);
  });

  it('what was not taken is shown with its reason, and delivered again', async () => {
    receiver.behaviour.answer = (response) => response.writeHead(500).end('the chat is closed');
    await page.getByRole('button', { name: 'Send a ping' }).click();
    const failed = deliveries().filter({ hasText: 'given up' });
    await failed.getByText('answered 500').waitFor();
    await failed.getByText('What was sent and answered').click();
    await failed.getByText('the chat is closed').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'webhooks-deliveries');
    receiver.reset();
    await failed.getByRole('button', { name: 'Deliver again: webhook.ping' }).click();
    await eventually(() => receiver.heard.length === 1, 15_000, 'the delivery');
    await eventually(
      async () => {
        await page.getByRole('button', { name: 'Look again' }).click();
        return (await deliveries().filter({ hasText: 'given up' }).count()) === 0;
      },
      15_000,
      'its end on the page',
    );
  });

  it('a new secret signs beside the old one', async () => {
    await page.getByRole('button', { name: 'New secret' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make a new secret' });
    await photograph(page, 'webhooks-rotate');
    await dialog.getByRole('button', { name: 'Make secret' }).click();
    await dialog.getByText('whsec_').waitFor();
    const next = (await dialog.locator('code').textContent()) ?? '';
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByText(/The secret before signs, too, until/).waitFor();
    receiver.reset();
    await page.getByRole('button', { name: 'Send a ping' }).click();
    await eventually(() => receiver.heard.length === 1, 15_000, 'the ping');
    expect(receiver.heard.map((one) => [isSignedBy(secret, one), isSignedBy(next, one)])).toEqual([[true, true]]);
  });

  it('the command sees them, too', async () => {
    expect((await stack.easel(['webhook', 'list'])).stdout).toMatch(/^Chat +on +http:/m);
    expect((await stack.easel(['webhook', 'test', 'Chat'])).stdout).toBe('Chat has taken the ping\n');
    const listed = await stack.easelJson<{ id: string; state: string }[]>(['webhook', 'deliveries', 'Chat', '-n', '1']);
    expect(listed).toMatchObject([{ event: 'webhook.ping', state: 'sent', status: 200 }]);
    receiver.reset();
    await stack.easel(['webhook', 'redeliver', listed[0]?.id ?? '']);
    await eventually(() => receiver.heard.length === 1, 15_000, 'the delivery');
    const { secret: made } = await stack.easelJson<{ secret: string }>([
      'webhook',
      'create',
      'ci',
      receiver.url,
      '--event',
      'user.created',
    ]);
    expect(made).toMatch(/^whsec_/);
    expect((await stack.easel(['webhook', 'delete', 'ci'])).stdout).toBe('The webhook ci is deleted\n');
  });

  it('one is switched off, edited and deleted', async () => {
    await page.getByRole('button', { name: 'Switch off' }).click();
    await page.getByText('off', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    const dialog = page.getByRole('dialog', { name: 'Edit Chat' });
    await dialog.getByLabel('Name').fill('Team chat');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Team chat' }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete webhook' }).click();
    await page.getByText('No webhooks yet').waitFor();
    expect(browser.complaints).toEqual([]);
  });
});
