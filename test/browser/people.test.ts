/** Invitations, roles and disabling, in the browsers of an administrator and of whoever was invited. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, PHONE, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'people in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let administrator: Page;
  let guest: Page;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    await stack.easelJson(['group', 'create', 'compilers', '--role', 'viewer']);
    administrator = await browser.open('/platform/people');
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const path = (link: string | null) => {
    const { pathname, search } = new URL(link ?? '');
    return pathname + search;
  };

  it('an invitation is a link that makes a user and signs in', async () => {
    await administrator.getByRole('button', { name: 'Invite' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Invite somebody' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Grace Hopper');
    await dialog
      .getByRole('group', { name: /Groups/ })
      .getByRole('checkbox', { name: 'compilers' })
      .check();
    await photograph(administrator, 'invite');
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await dialog.getByRole('button', { name: 'Make the link' }).click();
    const link = await dialog.locator('code').textContent();
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await administrator.getByRole('list', { name: 'Open invitations' }).getByText('Grace Hopper').waitFor();

    guest = await browser.open(path(link), { isSignedIn: false, viewport: PHONE });
    await guest.getByText('Administrator has invited you.').waitFor();
    expect(await guest.getByRole('textbox', { name: 'Login' }).inputValue()).toBe('grace.hopper');
    expect(await findAccessibilityFaults(guest)).toEqual([]);
    await guest.getByRole('button', { name: 'Join' }).click();
    await guest.getByText('Choose a password of at least 10 characters.').waitFor();
    await guest.getByLabel('Password').fill('nanoseconds of wire');
    await guest.getByRole('button', { name: 'Join' }).click();
    await guest.getByRole('heading', { name: 'No environments yet' }).waitFor();
    const members = await stack.easelJson<{ login: string }[]>(['group', 'members', 'compilers']);
    expect(members.map(({ login }) => login)).toEqual(['grace.hopper']);

    const stranger = await browser.open(path(link), { isSignedIn: false });
    await stranger.getByText(/this invitation was used before/).waitFor();
    await stranger.context().close();
  });

  it('a role decides what somebody sees and may do', async () => {
    await browser.go(administrator, '/platform/people');
    const row = administrator.getByRole('list', { name: 'People' }).getByRole('listitem').filter({ hasText: 'Grace' });
    await row.getByText('Developer').waitFor();
    await row.getByRole('button', { name: 'Edit Grace Hopper' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Grace Hopper' });
    await dialog.getByLabel('Role for the whole installation').selectOption({ label: 'Auditor' });
    await dialog.getByRole('button', { name: 'Save roles' }).click();
    await row.getByText('Auditor, Developer').waitFor();
    await browser.go(guest, '/platform/people');
    await guest.getByRole('heading', { name: 'People' }).waitFor();
    await guest.getByText('grace.hopper').waitFor();
    expect(await guest.getByRole('button', { name: 'Invite' }).count()).toBe(0);
  });

  it('a service account gets a token that works', async () => {
    await administrator.getByRole('button', { name: 'Service account' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'New service account' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Nightly');
    await dialog.getByRole('textbox', { name: 'Login' }).fill('nightly');
    await dialog.getByRole('button', { name: 'Create account' }).click();
    const tokenDialog = administrator.getByRole('dialog', { name: 'Create an API token of Nightly' });
    await tokenDialog.getByRole('textbox', { name: 'Name' }).fill('ci');
    await tokenDialog.getByRole('button', { name: 'Create token' }).click();
    const token = await tokenDialog.locator('code').first().textContent();
    await tokenDialog.getByRole('button', { name: 'I have copied it' }).click();
    const ran = await stack.easel(['whoami'], { env: { EASEL_TOKEN: token ?? '' } });
    expect(ran.stdout + ran.stderr).toContain('nightly');
  });

  it('who is disabled is signed out at once, and comes back when enabled', async () => {
    await administrator.getByRole('button', { name: 'Edit Grace Hopper' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Grace Hopper' });
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await administrator.getByText('disabled', { exact: true }).waitFor();
    await guest.getByText('Your session has ended. Sign in again.').waitFor();
    const signIn = async () => {
      await guest.getByLabel('Login').fill('grace.hopper');
      await guest.getByLabel('Password', { exact: true }).fill('nanoseconds of wire');
      await guest.getByRole('button', { name: 'Sign in', exact: true }).click();
    };
    await signIn();
    await guest.getByText('login or password is not right').waitFor();
    await administrator.getByRole('button', { name: 'Edit Grace Hopper' }).click();
    await dialog.getByRole('button', { name: 'Enable' }).click();
    await administrator.getByText('disabled', { exact: true }).waitFor({ state: 'detached' });
    await signIn();
    await guest.getByRole('heading', { name: 'People' }).waitFor();
  });

  it('a password that is reset gives a link that signs in', async () => {
    await administrator.getByRole('button', { name: 'Edit Grace Hopper' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Grace Hopper' });
    await dialog.getByRole('button', { name: 'Reset password' }).click();
    const link = await dialog.locator('code').textContent();
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    const other = await browser.open(path(link), { isSignedIn: false });
    await other.getByRole('button', { name: 'Sign in with the link' }).click();
    await other.getByRole('heading', { name: 'No environments yet' }).waitFor();
    if (process.env.SHOT) {
      await administrator.screenshot({ path: `${process.env.SHOT}/people.png`, fullPage: true });
    }
  });
});
