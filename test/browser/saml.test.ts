/** Signing in at an identity provider by SAML, in a browser: set up by an administrator, then used by somebody new. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type SamlProvider, startSimpleSamlPhp } from '../kit/simplesamlphp.ts';
import { type Stack, startStack } from '../kit/stack.ts';

const ada = {
  password: 'a password there',
  attributes: { uid: ['ada'], displayName: ['Ada of the Company'], mail: ['ada@example.com'] },
};

describeWith(['chromium', 'built web', 'simplesamlphp'], 'an identity provider of SAML in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let idp: SamlProvider;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    idp = await startSimpleSamlPhp({ ada });
  });
  afterAll(async () => {
    await idp?.stop();
    await browser?.close();
    await stack?.stop();
  });

  it('is set up by an administrator, and lets somebody new in', async () => {
    const administrator = await browser.open('/platform/sign-in');
    await administrator.getByRole('button', { name: 'Add a provider' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Add a provider' });
    await dialog.getByRole('button', { name: 'SAML 2.0' }).click();
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Company');
    await dialog.getByRole('radio', { name: 'Metadata as XML' }).check();
    await dialog.getByRole('textbox', { name: 'Metadata' }).fill('<nothing/>');
    await dialog.getByLabel('Whoever has no user yet gets one').check();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('expected metadata of one provider').waitFor();
    await dialog.getByRole('radio', { name: 'Address of its metadata' }).check();
    await dialog.getByLabel('Address of the metadata').fill(idp.metadataUrl);
    await dialog.getByLabel('Hours until sessions end').fill('8');
    await dialog.getByText('Names and attributes').click();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    await dialog.getByRole('button', { name: 'Save' }).click();

    const made = administrator.getByRole('dialog', { name: 'Company' });
    await made.getByText('CN=idp.example.com ends soon').waitFor();
    expect(await findAccessibilityFaults(administrator)).toEqual([]);
    const [acsUrl = '', entityId = ''] = await made.locator('code').allTextContents();
    const loading = administrator.waitForEvent('download');
    await made.getByRole('link', { name: 'Download our metadata' }).click();
    expect((await loading).suggestedFilename()).toBe('easel-saml-metadata.xml');
    await idp.know({ entityId, acsUrl });
    await made.getByRole('button', { name: 'I have copied it' }).click();

    const guest = await browser.open('/sign-in?next=/templates', { isSignedIn: false });
    await guest.getByRole('link', { name: 'Sign in with Company' }).click();
    await guest.locator('input[name=username]').fill('ada');
    await guest.locator('input[name=password]').fill(ada.password);
    await guest.locator('input[name=password]').press('Enter');
    await guest.getByRole('heading', { name: 'Templates', level: 1 }).waitFor();
    await browser.go(administrator, '/platform/people');
    await administrator
      .getByRole('list', { name: 'People' })
      .getByText('Ada of the Company', { exact: true })
      .waitFor();
  });

  it('shows what is known of the provider, and reads it again', async () => {
    const administrator = await browser.open('/platform/sign-in');
    await administrator.getByRole('button', { name: 'Edit Company' }).click();
    const dialog = administrator.getByRole('dialog', { name: 'Company' });
    await dialog.getByText(idp.entityId, { exact: true }).waitFor();
    expect(await dialog.getByLabel('Hours until sessions end').inputValue()).toBe('8');
    await dialog.getByRole('button', { name: 'Read again' }).click();
    await dialog.getByText('read just now').waitFor();
  });

  it('says on the sign-in page why it did not work', async () => {
    const guest = await browser.open('/auth/saml/none/start', { isSignedIn: false });
    await guest.getByText('there is no such way of signing in any more').waitFor();
  });
});
