/** Signing in at an OpenID provider, in a browser: set up by an administrator, then used by somebody new. */
import { openProvider, type TestProvider } from '@easel/server/src/sign-in/provider.kit.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'an OpenID provider in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let provider: TestProvider;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    provider = await openProvider();
  });
  afterAll(async () => {
    await provider?.close();
    await browser?.close();
    await stack?.stop();
  });

  it('is set up by an administrator, and lets somebody new in', async () => {
    const administrator = await browser.open('/platform/sign-in');
    await administrator.getByRole('heading', { name: 'No other way of signing in' }).waitFor();
    await administrator.getByRole('button', { name: 'Add a provider' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Add a provider' });
    await dialog.getByRole('button', { name: 'Google' }).click();
    expect(await dialog.getByLabel('Issuer').inputValue()).toBe('https://accounts.google.com');
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Company');
    await dialog.getByLabel('Issuer').fill(provider.issuer);
    await dialog.getByLabel('Client ID').fill(provider.clientId);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText(/a new module needs the secret/).waitFor();
    await dialog.getByLabel('Client secret').fill(provider.clientSecret);
    await dialog.getByLabel('Whoever has no user yet gets one').check();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await dialog.getByRole('button', { name: 'Save' }).click();
    const made = administrator.getByRole('dialog', { name: 'Company' });
    provider.allow((await made.locator('code').textContent()) ?? '');
    await made.getByRole('button', { name: 'I have copied it' }).click();
    await administrator.getByRole('list', { name: 'Sign-in' }).getByText('Company').waitFor();

    provider.account = { sub: 'ada', name: 'Ada', preferred_username: 'ada' };
    const guest = await browser.open('/sign-in?next=/templates', { isSignedIn: false });
    await guest.getByRole('link', { name: 'Sign in with Company' }).waitFor();
    expect(await findAccessibilityFaults(guest)).toEqual([]);
    await guest.getByRole('link', { name: 'Sign in with Company' }).click();
    await guest.locator('input[name=login]').fill('ada');
    await guest.locator('input[name=password]').fill('x');
    await guest.locator('button[type=submit]').click();
    await guest.locator('button[type=submit]').click();
    await guest.getByRole('heading', { name: 'Templates', level: 1 }).waitFor();
    await browser.go(administrator, '/platform/people');
    await administrator.getByRole('list', { name: 'People' }).getByText('Ada', { exact: true }).waitFor();

    await administrator.getByRole('button', { name: 'Edit Ada' }).click();
    await administrator.getByRole('dialog').getByRole('link', { name: 'Linked accounts' }).click();
    await administrator.getByRole('list', { name: 'Linked accounts' }).getByText('Company').waitFor();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await photograph(administrator, 'linked-of-others');
    await administrator.getByRole('button', { name: 'Unlink Company' }).click();
    await administrator.getByRole('alertdialog').getByRole('button', { name: 'Unlink' }).click();
    await administrator.getByText('Ada signs in with a login and password').waitFor();
    await guest.getByText('Your session has ended. Sign in again.').waitFor();
  });

  it('says on the sign-in page why it did not work', async () => {
    const guest = await browser.open('/auth/oidc/none/start', { isSignedIn: false });
    await guest.getByText('there is no such way of signing in any more').waitFor();
  });
});
