/** The bell and the inbox: what happens shows at once, on every page that is open. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, PHONE, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['git', 'chromium', 'built web'], 'the inbox in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    page = await browser.open('/');
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const bell = (unread: number) =>
    page.getByRole('link', { name: unread === 0 ? 'Inbox' : `Inbox, ${unread} unread`, exact: true });
  const fail = (name: string) =>
    stack.easel(['create', name, '--git', 'file:///nowhere/at-all.git', '--wait', '--timeout', '60']);
  const rows = () => page.getByRole('list', { name: 'Inbox' }).getByRole('listitem');

  it('says that there is nothing yet', async () => {
    await bell(0).click();
    await page.getByRole('heading', { name: 'Nothing yet' }).waitFor();
    expect(await page.getByRole('button', { name: 'Mark all read' }).isDisabled()).toBe(true);
  });

  it('counts what comes in while a page is open, and says it aloud', async () => {
    await browser.go(page, '/');
    await bell(0).waitFor();
    expect((await fail('first')).code).toBe(1);
    await bell(1).waitFor();
    await page.locator('[aria-live]', { hasText: 'first failed' }).first().waitFor({ state: 'attached' });
    await bell(1).click();
    await rows().filter({ hasText: 'first failed' }).waitFor();
    expect((await fail('second')).code).toBe(1);
    await rows().filter({ hasText: 'second failed' }).waitFor();
    await bell(2).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'inbox');
  });

  it('marks what was read, in every window', async () => {
    const other = await browser.open('/inbox', { viewport: PHONE });
    await other.getByRole('list', { name: 'Inbox' }).getByText('first failed').waitFor();
    await page.getByRole('button', { name: 'Mark read: first failed' }).click();
    await bell(1).waitFor();
    await other.getByRole('link', { name: 'Inbox, 1 unread', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Unread (1)' }).click();
    await expect.poll(() => rows().count()).toBe(1);
    await rows().getByRole('link', { name: 'second failed' }).click();
    await page.getByRole('heading', { name: 'second', level: 1 }).waitFor();
    await bell(0).waitFor();
    await browser.go(page, '/inbox');
    await page.getByRole('button', { name: 'Mark unread: second failed' }).click();
    await bell(1).waitFor();
    await page.getByRole('button', { name: 'Mark all read' }).click();
    await bell(0).waitFor();
    await other.getByRole('link', { name: 'Inbox', exact: true }).waitFor();
    await other.context().close();
  });

  it('complains of nothing', () => expect(browser.complaints).toEqual([]));
});
