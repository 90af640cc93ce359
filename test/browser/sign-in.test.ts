/** Signing in, by the one-time link and by password, and what is not shown to anybody else. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'signing in', () => {
  let stack: Stack;
  let browser: TestBrowser;
  const password = 'correct horse battery';

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  it('leads strangers to the sign-in page and keeps where they wanted to go', async () => {
    const page = await browser.open('/templates', { isSignedIn: false });
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    expect(new URL(page.url()).searchParams.get('next')).toBe('/templates');
  });

  it('does not use the link up when it is only opened, and signs in when its button is pressed', async () => {
    for (let visit = 0; visit < 3; visit++) expect((await fetch(stack.signInUrl)).status).toBe(200);
    const page = await browser.open(stack.signInUrl, { isSignedIn: false });
    await page.getByRole('button', { name: 'Sign in with the link' }).click();
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
    await browser.adopt(page);
    // The code does not stay in the history, nor does the cookie lie open to scripts.
    expect(page.url()).not.toContain('code=');
    expect(await page.evaluate('document.cookie')).toBe('');
  });

  it('refuses a link that was used, in words', async () => {
    const page = await browser.open(stack.signInUrl, { isSignedIn: false });
    await page.getByRole('button', { name: 'Sign in with the link' }).click();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    expect((await alert.textContent())?.trim().length).toBeGreaterThan(10);
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('alert');
  });

  it('signs in with a password once one is set, and out again', async () => {
    const page = await browser.open('/settings/password');
    await page.getByLabel('New password', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Set password' }).click();
    await page.getByText('Use at least').waitFor();
    await page.getByLabel('New password', { exact: true }).fill(password);
    await page.getByLabel('New password again').fill(password);
    await page.getByRole('button', { name: 'Set password' }).click();
    await page.getByText('Password set').waitFor();

    const other = await browser.open('/sign-in?next=/platform', { isSignedIn: false });
    await other.getByLabel('Login').fill('admin');
    await other.getByLabel('Password', { exact: true }).fill('wrong password');
    await other.getByRole('button', { name: 'Sign in', exact: true }).click();
    await other.getByRole('alert').waitFor();
    await other.getByLabel('Password', { exact: true }).fill(password);
    await other.keyboard.press('Enter');
    await other.getByRole('heading', { name: 'Platforms', exact: true }).waitFor();

    await other.getByRole('button', { name: /Account of/ }).click();
    await other.getByRole('menuitem', { name: 'Sign out' }).click();
    await other.getByRole('heading', { name: 'Sign in to Easel' }).waitFor();
    await browser.go(other, '/');
    expect(new URL(other.url()).pathname).toBe('/sign-in');
  });

  it('never leads to another site after signing in', async () => {
    const page = await browser.open('/sign-in?next=//evil.example/x', { isSignedIn: false });
    await page.getByLabel('Login').fill('admin');
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Environments', exact: true }).waitFor();
    expect(new URL(page.url()).host).toBe(new URL(stack.url).host);
  });

  it('runs under a content policy without inline scripts', async () => {
    const answer = await fetch(`${stack.url}/sign-in`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'self' 'nonce-/);
    expect(policy).toMatch(/frame-ancestors 'none'/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(browser.complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });
});
