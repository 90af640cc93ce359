/** An environment that nobody uses: its page and the inbox say when it goes, and both can keep it. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, photograph, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type Stack, startStack } from '../kit/stack.ts';

/** It is looked for what is unused once a minute. */
const WARNED_WITHIN_MS = 90_000;

describeWith(['chromium', 'built web', 'git'], 'unused environments in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    // The notice is as long as the period: what stops is warned of at once.
    const env = { EASEL_CLEANUP_DAYS: '1', EASEL_CLEANUP_NOTICE_DAYS: '1' };
    stack = await startStack({ runtime: 'process', env });
    browser = await openBrowser(stack);
    const repository = makeRepository(join(stack.scratchDir, 'repository'));
    await stack.easelJson(['create', 'shop', '--git', repository, '--wait']);
    const { id } = await stack.easelJson(['stop', 'shop', '--wait']);
    page = await browser.open(`/environments/${id}`);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  it('the page says so, and keeps it', async () => {
    await page.getByText('It is going to be deleted').waitFor({ timeout: WARNED_WITHIN_MS });
    await page.getByText(/^on .*, if nobody uses it$/).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'cleanup-page');
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByText(/^Kept: unless it is used, it goes on/).waitFor();
    await page.getByText('It is going to be deleted').waitFor({ state: 'detached' });
  });

  it('the inbox says so, and keeps it', async () => {
    await browser.go(page, '/inbox');
    const inbox = page.getByRole('list', { name: 'Inbox' });
    await inbox.getByText('shop is going to be deleted').first().waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await photograph(page, 'cleanup-inbox');
    await inbox
      .getByRole('button', { name: /^Keep it: shop/ })
      .first()
      .click();
    await page.getByText(/^Kept: unless it is used, it goes on/).waitFor();
  });

  it('the command keeps it, too', async () => {
    const kept = await stack.easel(['keep', 'shop']);
    expect(kept.stdout).toMatch(/^shop is kept; unless it is used, it is deleted on \d{4}-\d\d-\d\d\n$/);
    expect(browser.complaints).toEqual([]);
  });
});
