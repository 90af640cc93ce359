/** Second factors in a real browser: codes by otpauth, a passkey by Chromium's virtual authenticator. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOTP } from 'otpauth';
import pg from 'pg';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'second factors in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  /** Passkeys are for names, not for addresses. */
  let baseURL: string;
  let page: Page;
  let totp: TOTP;
  let recoveryCodes: string[] = [];
  const password = 'correct horse battery';

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    const url = new URL(stack.signInUrl);
    url.hostname = 'localhost';
    baseURL = url.origin;
    page = await browser.open(url.href, { isSignedIn: false, baseURL });
    await page.getByRole('button', { name: 'Sign in with the link' }).click();
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
    await mutate(`setPassword(input: { password: "${password}" }) { __typename }`);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  it('sets an app up under Settings → Security, and shows its recovery codes once', async () => {
    await browser.go(page, '/settings/security');
    await page.getByRole('button', { name: 'Set up' }).click();
    const dialog = page.getByRole('dialog', { name: 'Authenticator app' });
    await dialog.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor();
    totp = new TOTP({ secret: (await dialog.locator('code').textContent())?.trim() ?? '' });
    await dialog.getByLabel('Code of your app').fill(totp.generate());
    await page.keyboard.press('Enter');
    const kept = page.getByRole('dialog', { name: 'Recovery codes' });
    recoveryCodes = await codesIn(kept);
    await kept.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('10 codes left').waitFor();
    expect(await page.content()).not.toContain(recoveryCodes[0]);
  });

  it('asks for a code after the password, says that one is wrong, and takes the right one', async () => {
    await signOut();
    await enterPassword();
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    expect(await focused()).toBe('factor-code');
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await page.getByLabel('Code of your app').fill(wrongCode());
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('#factor-code-error').waitFor();
    expect(await focused()).toBe('factor-code');
    await page.getByLabel('Code of your app').fill(nextCode());
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
  });

  it('takes a recovery code instead, and leads back to the password', async () => {
    await signOut();
    await enterPassword();
    await page.getByRole('button', { name: 'Start again' }).click();
    await page.getByLabel('Login').waitFor();
    await enterPassword();
    await page.getByRole('button', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code').fill(recoveryCodes[0] ?? '');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
  });

  it('adds a passkey, and signs in with it alone', async () => {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await browser.go(page, '/settings/security');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a passkey' });
    await dialog.getByLabel('Name').fill('laptop');
    await page.keyboard.press('Enter');
    const list = page.getByRole('list', { name: 'Passkeys' });
    await list.getByText('laptop').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await signOut();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
    await signOut();
    await enterPassword();
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
  });

  it('asks who it is when the proof is old, and goes on with what was refused', async () => {
    const database = new pg.Client(readFileSync(join(stack.dataDir, 'secrets/database-url'), 'utf8').trim());
    await database.connect();
    await database.query(`UPDATE sessions SET proved_at = now() - interval '1 hour'`);
    await database.end();
    await browser.go(page, '/settings/security');
    await page.getByRole('button', { name: 'Remove passkey laptop' }).click();
    const question = page.getByRole('alertdialog', { name: 'Remove the passkey laptop?' });
    await question.getByRole('button', { name: 'Remove' }).click();
    const proof = page.getByRole('dialog', { name: 'Is it you?' });
    await proof.getByRole('button', { name: 'Use a recovery code' }).click();
    await proof.getByLabel('Recovery code').fill(recoveryCodes[1] ?? '');
    await page.keyboard.press('Enter');
    await question.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Passkey laptop removed').waitFor();
  });

  it('has an app set up where the rules ask for it, before there is a session', async () => {
    await browser.go(page, '/platform/sign-in');
    await page.getByRole('checkbox', { name: 'Everybody' }).check();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Sessions of those who have none yet have ended').waitFor();
    const made = await mutate('createInvitation(input: { name: "Zoe" }) { ... on CreatedInvitation { joinPath } }');
    const joinPath = /"joinPath":"([^"]+)"/.exec(made)?.[1] ?? '';
    const other = await browser.open(joinPath, { isSignedIn: false, baseURL });
    await other.getByLabel('Password').fill(password);
    await other.getByLabel('Password').press('Enter');
    await other.getByRole('heading', { name: 'Set up a second factor' }).waitFor();
    await other.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor();
    totp = new TOTP({ secret: (await other.locator('code').textContent())?.trim() ?? '' });
    expect(await focused(other)).toBe('set-up-code');
    expect(await findAccessibilityFaults(other)).toEqual([]);
    await other.getByLabel('Code of your app').fill(wrongCode());
    await other.keyboard.press('Enter');
    await other.locator('#set-up-code-error').waitFor();
    await other.getByLabel('Code of your app').fill(totp.generate());
    await other.keyboard.press('Enter');
    await codesIn(other.getByRole('main'));
    expect(await findAccessibilityFaults(other)).toEqual([]);
    await other.getByRole('button', { name: 'I have kept them' }).click();
    await other.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
  });

  it('lets an administrator reset the second factors of somebody who has lost them', async () => {
    await browser.go(page, '/platform/people');
    await page.getByRole('button', { name: 'Edit Zoe' }).click();
    await page.getByRole('dialog', { name: 'Zoe' }).getByRole('button', { name: 'Reset second factors' }).click();
    await page.getByText('Zoe has no second factor any more').waitFor();
  });

  async function codesIn(place: Locator): Promise<string[]> {
    const list = place.getByRole('list', { name: 'Recovery codes' });
    await list.waitFor();
    const codes = await list.getByRole('listitem').allTextContents();
    expect(codes).toHaveLength(10);
    return codes;
  }

  /** Six digits that are no code of this half hour. */
  function wrongCode(): string {
    const near = new Set(Array.from({ length: 60 }, (_, at) => codeAt(at - 30)));
    return ['000000', '111111', '222222', '333333'].find((code) => !near.has(code)) ?? '444444';
  }

  /** Each code is good once: the server takes the one of the step after, too. */
  function nextCode(): string {
    return codeAt(1);
  }

  function codeAt(steps: number): string {
    return totp.generate({ timestamp: Date.now() + steps * 30_000 });
  }

  async function post<Value>(path: string, body: unknown): Promise<Value> {
    const request = JSON.stringify({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await page.evaluate(`fetch('${path}', ${request}).then((response) => response.text())`)) as string;
    return (answer === '' ? null : JSON.parse(answer)) as Value;
  }

  async function mutate(field: string): Promise<string> {
    const answer = JSON.stringify(await post('/graphql', { query: `mutation { done: ${field} }` }));
    expect(answer).not.toContain('errors');
    return answer;
  }

  async function signOut(): Promise<void> {
    // From a page that does not itself go elsewhere when the session ends.
    await browser.go(page, '/sign-in');
    await post('/auth/sign-out', {});
  }

  async function enterPassword(): Promise<void> {
    await page.getByLabel('Login').fill('admin');
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  function focused(there = page): Promise<unknown> {
    return there.evaluate('document.activeElement.id');
  }
});
