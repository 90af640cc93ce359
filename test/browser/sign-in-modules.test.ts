/** Ways of signing in of several kinds, in a browser: a directory set up and tested, an account linked, and somebody who is gone there. */
import { openProvider, type TestProvider } from '@easel/server/src/sign-in/provider.kit.ts';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { PEOPLE, startSlapd, type TestDirectory } from '../kit/slapd.ts';
import { type Stack, startStack } from '../kit/stack.ts';

/** From the removal at the provider until nothing is open here any more. */
const GONE_WITHIN_MS = 60_000;

describeWith(['chromium', 'built web', 'slapd'], 'ways of signing in, in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let provider: TestProvider;
  let directory: TestDirectory;
  let administrator: Page;
  let person: Page;

  beforeAll(async () => {
    [stack, provider, directory] = await Promise.all([
      startStack({ runtime: 'process' }),
      openProvider(),
      startSlapd(),
    ]);
    browser = await openBrowser(stack);
    directory.addPerson('ada');
    administrator = await browser.open('/platform/sign-in');
  });
  afterAll(async () => {
    await provider?.close();
    await browser?.close();
    await directory?.stop();
    await stack?.stop();
  });

  const shot = (page: Page, name: string) => photograph(page, `sign-in-${name}`);

  async function choose(preset: string) {
    await administrator.getByRole('button', { name: 'Add a provider' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Add a provider' });
    await dialog.getByRole('button', { name: preset, exact: true }).waitFor();
    if (preset === 'LDAP directory') await shot(administrator, 'choice');
    await dialog.getByRole('button', { name: preset, exact: true }).click();
    return dialog;
  }

  it('a directory is added, and tested step by step', async () => {
    const dialog = await choose('LDAP directory');
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Directory');
    await dialog.getByLabel('Address', { exact: true }).fill(directory.tlsUrl);
    await dialog.getByLabel('Certificate authority').fill(directory.caCertificate);
    await dialog.getByLabel('Search account').fill(directory.bindDn);
    await dialog.getByLabel('Its password').fill(directory.bindPassword);
    await dialog.getByLabel('Where people are (DN)').fill(PEOPLE);
    await dialog.getByLabel('Whoever has no user yet gets one').check();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await shot(administrator, 'ldap');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await administrator.getByRole('button', { name: 'Edit Directory' }).click();
    const known = administrator.getByRole('dialog', { name: 'Directory' });
    await known.getByLabel('Login to look for').fill('ada');
    await known.getByRole('button', { name: 'Test', exact: true }).click();
    await known.getByText(`uid=ada,${PEOPLE}`).waitFor();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await known.getByText('in no group').scrollIntoViewIfNeeded();
    await shot(administrator, 'check');
    await known.getByRole('button', { name: 'Cancel' }).click();
  });

  it('an account of the directory is linked by its login and password there', async () => {
    directory.addPerson('grace');
    await browser.go(administrator, '/settings/accounts');
    await administrator.getByRole('button', { name: 'Link Directory' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Link Directory' });
    await dialog.getByRole('textbox', { name: 'Login there' }).fill('grace');
    await dialog.getByLabel('Password there').fill('wrong');
    await dialog.getByRole('button', { name: 'Link account' }).click();
    await dialog.getByText('knows nobody by this login and password').waitFor();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await shot(administrator, 'link-directory');
    await dialog.getByLabel('Password there').fill('pw-grace');
    await dialog.getByRole('button', { name: 'Link account' }).click();
    await administrator.getByRole('list', { name: 'Linked accounts' }).getByText('Directory').waitFor();
    await browser.go(administrator, '/platform/sign-in');
  });

  it('a provider of each other kind has its own form', async () => {
    for (const preset of ['GitHub', 'Keycloak', 'Active Directory']) {
      const dialog = await choose(preset);
      expect(await findAccessibilityFaults(administrator)).toEqual([]);
      await shot(administrator, preset.toLowerCase().replace(' ', '-'));
      await dialog.getByRole('button', { name: 'Cancel' }).click();
    }
    const dialog = await choose('Other OpenID Connect');
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Company');
    await dialog.getByLabel('Issuer').fill(provider.issuer);
    await dialog.getByLabel('Client ID').fill(provider.clientId);
    await dialog.getByLabel('Client secret').fill(provider.clientSecret);
    await dialog.getByRole('button', { name: 'Save' }).click();
    const made = administrator.getByRole('dialog', { name: 'Company' });
    provider.allow((await made.locator('code').textContent()) ?? '');
    await made.getByRole('button', { name: 'I have copied it' }).click();
    await administrator.getByRole('button', { name: 'Move Company up' }).click();
    await expect
      .poll(() => administrator.getByRole('list', { name: 'Sign-in' }).getByRole('listitem').first().textContent())
      .toContain('Company');
    await shot(administrator, 'list');
  });

  it('somebody of the directory signs in by the form, and links another account', async () => {
    person = await browser.open('/sign-in', { isSignedIn: false });
    await person.getByRole('link', { name: 'Sign in with Company' }).waitFor();
    await shot(person, 'page');
    await person.getByLabel('Login').fill('ada');
    await person.getByLabel('Password', { exact: true }).fill('pw-ada');
    await person.getByRole('button', { name: 'Sign in', exact: true }).click();
    await person.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
    await browser.go(person, '/settings/accounts');
    await person.getByRole('list', { name: 'Linked accounts' }).getByText('Directory').waitFor();
    provider.account = { sub: 'ada-there' };
    await person.getByRole('button', { name: 'Link Company' }).click();
    await person.locator('input[name=login]').fill('ada-there');
    await person.locator('input[name=password]').fill('x');
    await person.locator('button[type=submit]').click();
    await person.locator('button[type=submit]').click();
    await person.getByRole('list', { name: 'Linked accounts' }).getByText('Company').waitFor();
    expect(await findAccessibilityFaults(person)).toEqual([]);
    await shot(person, 'linked');
  });

  it('who is removed from the directory is signed out, without touching anything', { timeout: 90_000 }, async () => {
    await browser.go(person, '/');
    await person.getByRole('main').waitFor();
    directory.delete(`uid=ada,${PEOPLE}`);
    await person.waitForURL((url) => url.pathname.startsWith('/sign-in'), { timeout: GONE_WITHIN_MS });
  });
});
