/** Tokens with scopes, client credentials of service accounts and the audit log, in an administrator's browser. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'what lets in, in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    page = await browser.open('/settings/tokens');
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const whoami = (token: string) => stack.easel(['whoami'], { env: { EASEL_TOKEN: token } });
  const secretIn = async (dialog: ReturnType<Page['getByRole']>, begin: RegExp) =>
    (await dialog.locator('code', { hasText: begin }).first().textContent())?.trim() ?? '';
  const rows = (list: string) => page.getByRole('list', { name: list }).getByRole('listitem');

  it('a token is for what was chosen, and no more', async () => {
    await page.getByRole('button', { name: 'Create token' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Create an API token' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('watcher');
    await dialog.getByLabel('May do').selectOption({ label: 'Only look' });
    await dialog.getByText('See what they may see, and change nothing.').waitFor();
    await dialog.getByLabel('May do').selectOption({ label: 'What I choose…' });
    await dialog.getByRole('button', { name: 'Create token' }).click();
    await dialog.getByText('Choose at least one.').waitFor();
    await dialog.getByRole('checkbox', { name: /^environment\.view/ }).check();
    await dialog.getByRole('checkbox', { name: /^template\.view/ }).check();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'token-create');
    await dialog.getByLabel('Expires').selectOption({ label: 'in 90 days' });
    await dialog.getByRole('button', { name: 'Create token' }).click();
    const token = await secretIn(dialog, /^easel_pat_/);
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await rows('API tokens').filter({ hasText: 'environment.view, template.view' }).waitFor();
    expect((await stack.easel(['list'], { env: { EASEL_TOKEN: token } })).code).toBe(0);
    expect((await stack.easel(['token', 'list'], { env: { EASEL_TOKEN: token } })).code).toBe(1);
  });

  it('a rotation shows which token is replaced, and until when it is good', async () => {
    const { token: before } = await stack.easelJson<{ token: string }>(['token', 'create', 'nightly']);
    await browser.go(page, '/settings/tokens');
    await page.getByRole('button', { name: 'Rotate token nightly' }).click();
    const dialog = page.getByRole('dialog', { name: 'Rotate the token nightly?' });
    await dialog.getByLabel('The one before is good').selectOption({ label: 'for 7 days more' });
    await photograph(page, 'token-rotate');
    await dialog.getByRole('button', { name: 'Rotate', exact: true }).click();
    const after = await secretIn(dialog, /^easel_pat_/);
    await dialog.getByText(/^The one before is good until/).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await rows('API tokens')
      .filter({ hasText: 'replaced' })
      .getByText(/expires (next week|in [67] days)/)
      .waitFor();
    await rows('API tokens')
      .filter({ hasText: `in place of ${before.slice(0, 14)}…` })
      .waitFor();
    for (const token of [before, after]) expect((await whoami(token)).code).toBe(0);
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'tokens');
  });

  it('a service account is a client: secrets are made, rotated and revoked', async () => {
    await browser.go(page, '/platform/people');
    await page.getByRole('button', { name: 'Service account' }).click();
    const made = page.getByRole('dialog', { name: 'New service account' });
    await made.getByRole('textbox', { name: 'Name' }).fill('Robot');
    await made.getByRole('textbox', { name: 'Login' }).fill('robot');
    await made.getByRole('button', { name: 'Create account' }).click();
    await page
      .getByRole('dialog', { name: 'Create an API token of Robot' })
      .getByRole('button', { name: 'Cancel' })
      .click();
    await page.getByRole('button', { name: 'Edit Robot' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Tokens and secrets' }).click();
    await page.getByRole('heading', { name: 'Client credentials' }).waitFor();

    await page.getByRole('button', { name: 'Create secret' }).click();
    const dialog = page.getByRole('dialog', { name: 'Create a client secret of Robot' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('deploy');
    await dialog.getByLabel('May do').selectOption({ label: 'Only look' });
    await dialog.getByRole('button', { name: 'Create secret' }).click();
    const first = await secretIn(dialog, /^easel_cs_/);
    await photograph(page, 'credential-once');
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByRole('button', { name: 'Rotate secret deploy' }).click();
    const rotation = page.getByRole('dialog', { name: 'Rotate the secret deploy?' });
    await rotation.getByRole('button', { name: 'Create the next one' }).click();
    const second = await secretIn(rotation, /^easel_cs_/);
    await rotation.getByRole('button', { name: 'I have copied it' }).click();
    await expect.poll(() => rows('Client credentials').count()).toBe(2);
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'service-account');

    const ask = async (secret: string) => {
      const authorization = `Basic ${Buffer.from(`robot:${secret}`).toString('base64')}`;
      const body = new URLSearchParams({ grant_type: 'client_credentials' });
      const answer = await fetch(`${stack.url}/auth/token`, { method: 'POST', body, headers: { authorization } });
      return (await answer.json()) as { access_token?: string; scope?: string; error?: string };
    };
    expect(await ask(first)).toMatchObject({ scope: 'read' });
    const { access_token: token = '' } = await ask(second);
    expect((await whoami(token)).stdout).toContain('robot');
    await rows('Client credentials')
      .filter({ hasText: first.slice(0, 13) })
      .getByRole('button', { name: 'Revoke' })
      .click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await expect.poll(() => rows('Client credentials').count()).toBe(1);
    expect(await ask(first)).toMatchObject({ error: 'invalid_client' });
    expect((await whoami(token)).code).toBe(0);
  });

  it('the audit log shows what changed, and is saved as it is filtered', async () => {
    const document = `mutation ($id: ID!, $name: String!) {
      updateInstanceType(id: $id, input: { name: $name, cpus: 3 }) { __typename } }`;
    const made = await stack.api.query<{ createInstanceType: { id: string } }>(
      'mutation { createInstanceType(input: { name: "sized", cpus: 1 }) { ... on InstanceType { id } } }',
    );
    await stack.api.query(document, { id: made.createInstanceType.id, name: 'resized' });
    await browser.go(page, '/platform/audit?actor=admin');
    await page.getByLabel('What was done').fill('updateInstanceType');
    const entry = rows('Audit log').filter({ hasText: 'updateInstanceType' });
    await entry.locator('summary').click();
    await entry.getByRole('heading', { name: 'What changed' }).waitFor();
    await entry.getByText('resized', { exact: true }).first().waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'audit');

    const fetched = page.waitForEvent('download');
    await page.getByRole('link', { name: 'JSON lines' }).click();
    const text = await eventually(async () => readFileSync(await (await fetched).path(), 'utf8'));
    const [head, ...lines] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(head?.export).toMatchObject({ filter: { actor: 'admin', action: 'updateInstanceType' } });
    expect(lines.slice(0, -1).every(({ action }) => action === 'updateInstanceType')).toBe(true);
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText(/^The chain is whole/).waitFor();
    await browser.go(page, '/platform/audit?outcome=QUOTA_EXCEEDED');
    await page.getByRole('heading', { name: 'No entries' }).waitFor();
    expect(await page.getByLabel('Outcome').inputValue()).toBe('QUOTA_EXCEEDED');
  });

  it('complains of nothing', () => expect(browser.complaints).toEqual([]));
});
