/** An environment is shared, used and taken back, in the browsers of its owner and of the guest. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, PHONE, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'sharing in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let owner: Page;
  let guest: Page;
  let box: string;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    box = (await stack.easelJson(['create', 'box', '--wait'])).id;
    owner = await browser.open(`/environments/${box}`);
    guest = await join();
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  /** A developer who has come by an invitation. */
  async function join(): Promise<Page> {
    const invite = `mutation { made: createInvitation(input: { name: "Ada Lovelace", role: developer }) {
      ... on CreatedInvitation { joinPath } } }`;
    const { made } = await stack.api.query<{ made: { joinPath: string } }>(invite);
    const page = await browser.open(made.joinPath, { isSignedIn: false });
    await page.getByLabel('Password').fill('notes on the engine');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByRole('heading', { name: 'No environments yet' }).waitFor();
    return page;
  }

  async function shoot(page: Page, name: string): Promise<void> {
    const folder = process.env.SHOT;
    if (folder) await page.screenshot({ path: `${folder}/sharing-${name}.png`, fullPage: true });
  }

  it('is done in a dialog, by keyboard, which says what SSH means before it is given', async () => {
    await owner.getByRole('button', { name: 'Share', exact: true }).press('Enter');
    const dialog = owner.getByRole('dialog', { name: 'Share box' });
    const who = dialog.getByLabel('Login or e-mail address');
    await expect
      .poll(() => who.evaluate((field) => field === field.ownerDocument.activeElement), { timeout: 20_000 })
      .toBe(true);
    await who.press('Enter');
    await dialog.getByText('Enter a login or an e-mail address.').waitFor();
    await who.fill('nobody.at.all');
    await who.press('Enter');
    await dialog.getByText('There is no user with exactly this login').waitFor();
    await who.fill('ada.lovelace');
    await dialog.getByRole('radio', { name: 'enter by SSH' }).check({ force: true });
    await dialog.getByText('They will be you in there').waitFor();
    expect(await findAccessibilityFaults(owner)).toEqual([]);
    await shoot(owner, 'dialog');
    await dialog.getByLabel('A word to them').fill('The build fails, look around');
    await dialog.getByRole('button', { name: 'Share' }).click();
    const shares = owner.getByRole('list', { name: 'Shared with' });
    await shares.getByText('Ada Lovelace').waitFor();
    await shares.getByText('SSH and all ports').waitFor();
    await shares.getByText('ends in 23 hours').waitFor();
    expect(await findAccessibilityFaults(owner)).toEqual([]);
    await shoot(owner, 'owner');
  });

  it('shows the guest the environment at once, with ways in and without the owner’s buttons', async () => {
    const list = guest.getByRole('region', { name: 'Shared with me' });
    await list.getByRole('link', { name: 'box' }).waitFor();
    expect(await findAccessibilityFaults(guest)).toEqual([]);
    await shoot(guest, 'list');
    await list.getByRole('link', { name: 'box' }).click();
    await guest.getByText('Administrator shares this environment with you').waitFor();
    await guest.getByText('The build fails, look around').waitFor();
    await guest.getByText(`${box}@`).first().waitFor();
    for (const name of ['Stop', 'Delete', 'Share', 'Take snapshot']) {
      expect(await guest.getByRole('button', { name, exact: true }).count()).toBe(0);
    }
    await guest.getByText('for the owner alone').waitFor();
    expect(await findAccessibilityFaults(guest)).toEqual([]);
    await shoot(guest, 'guest');
    await guest.setViewportSize(PHONE);
    await guest.emulateMedia({ colorScheme: 'dark' });
    await shoot(guest, 'guest-phone-dark');
    const phone = await browser.open(`/environments/${box}`, { viewport: PHONE, colorScheme: 'dark' });
    await phone.getByRole('button', { name: 'Share', exact: true }).click();
    await phone
      .getByRole('dialog', { name: 'Share box' })
      .getByRole('radio', { name: 'reach its ports' })
      .check({ force: true });
    expect(await findAccessibilityFaults(phone)).toEqual([]);
    await shoot(phone, 'dialog-phone-dark');
    await phone.context().close();
  }, 240_000);

  it('takes the page away from the guest when it is revoked', async () => {
    await owner.getByRole('button', { name: 'Revoke what is shared with ada.lovelace' }).click();
    const question = owner.getByRole('alertdialog', { name: 'Share it no longer with ada.lovelace?' });
    await question.getByRole('button', { name: 'Revoke' }).click();
    await owner.getByText('Nobody but you can see it.').waitFor();
    await guest.getByText('there is no such environment').waitFor();
    await browser.go(guest, '/');
    await guest.getByRole('heading', { name: 'No environments yet' }).waitFor();
    expect(await guest.getByText('Shared with me').count()).toBe(0);
    const said = browser.complaints.filter((text) => !text.includes('/join'));
    expect(said).toEqual([]);
  });
});
