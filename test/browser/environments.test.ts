/** The main job in the browser: create, watch it come up, find the ways in, read the log, stop, start, delete. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser, type TestBrowser, watchPhases } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web', 'git'], 'environments in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let repository: string;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    repository = makeRepository(join(stack.scratchDir, 'repository'));
    browser = await openBrowser(stack);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const phaseOf = (page: Page) => page.locator('main header [data-phase]').getAttribute('data-phase');
  /** Waits until the page shows the phase. */
  const phase = (page: Page, name: string) =>
    page.locator(`main header [data-phase="${name}"]`).waitFor({ timeout: 60_000 });

  it('begins with an empty list that says what to do', async () => {
    const page = await browser.open('/');
    await page.getByRole('heading', { name: 'No environments yet' }).waitFor();
    await page.getByRole('link', { name: 'Create environment' }).click();
    await page.getByRole('heading', { name: 'Create environment' }).waitFor();
  });

  it('tells what is wrong with a name while it is typed, and sends nothing', async () => {
    const page = await browser.open('/environments/new');
    await page.getByRole('radio', { name: /sample/ }).waitFor({ state: 'attached' });
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.fill('Not A Name');
    await page.getByText(/a name starts with a letter/i).waitFor();
    expect(await name.getAttribute('aria-invalid')).toBe('true');
    await page.getByRole('button', { name: 'Create environment' }).click();
    expect(await page.evaluate('document.activeElement.id')).toBe('create-name');
    expect(await stack.easelJson(['list'])).toEqual([]);
  });

  it('creates one from the sample, though pressed twice, and shows it coming up', async () => {
    const page = await browser.open('/environments/new');
    const seen = await watchPhases(page);
    await page.getByRole('radio', { name: /sample/ }).waitFor({ state: 'attached' });
    await page.getByRole('textbox', { name: 'Name' }).fill('first');
    await page.getByRole('button', { name: 'Create environment' }).dblclick();
    await page.getByRole('heading', { level: 1, name: 'first' }).waitFor();
    await phase(page, 'running');
    expect(await stack.easelJson<unknown[]>(['list'])).toHaveLength(1);

    const shown = (await seen()).map(({ phase: name }) => name);
    expect(shown).toEqual(expect.arrayContaining(['starting', 'running']));
  });

  it('shows the numbered steps with their time, and the log of each', async () => {
    const page = await browser.open('/');
    await page.getByRole('link', { name: 'first', exact: true }).click();
    const steps = page.getByRole('list', { name: 'Steps of the start' }).getByRole('listitem');
    await steps.nth(5).waitFor();
    expect(await steps.count()).toBe(6);
    expect(await steps.nth(2).textContent()).toMatch(/Step 3:\s*Sources, done/);
    expect(await page.locator('[data-state="active"], [data-state="failed"]').count()).toBe(0);

    const log = page.getByRole('region', { name: 'Log' });
    await log.getByText(/Cloning into/).waitFor();
    await page.locator('[data-step="hooks"] button').click();
    await log
      .getByText(/init script/i)
      .first()
      .waitFor();
    expect(await log.getByText(/Cloning into/).count()).toBe(0);
    await page.locator('[data-step="hooks"] button').click();

    await page.keyboard.press('/');
    await page.keyboard.type('cloning');
    await page.getByText('1 of ').waitFor();
    expect((await log.locator('mark').first().textContent())?.toLowerCase()).toBe('cloning');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('first-1.log');
    expect(readFileSync(await download.path(), 'utf8')).toMatch(/^\d{4}-\S+ sources std\S+ Cloning into/m);
  });

  it('offers the ways in, with a warning that plain processes are not isolated', async () => {
    const page = await browser.open('/');
    await page.getByRole('link', { name: 'first', exact: true }).click();
    const waysIn = page.getByRole('region', { name: 'Ways in' });
    await waysIn.getByText(`ssh -p ${stack.sshPort} first@127.0.0.1`).waitFor();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: stack.url });
    await waysIn.getByRole('button', { name: 'Copy SSH command' }).click();
    await eventually(
      async () => (await page.evaluate('navigator.clipboard.readText()')) === `ssh -p ${stack.sshPort} first@127.0.0.1`,
    );
    for (const [name, scheme] of [
      ['VS Code', 'vscode:'],
      ['Cursor', 'cursor:'],
      ['Windsurf', 'windsurf:'],
      ['Zed', 'zed:'],
      ['JetBrains Toolbox', 'jetbrains:'],
      ['JetBrains Gateway', 'jetbrains-gateway:'],
    ] as const) {
      const href = await waysIn.getByRole('link', { name: new RegExp(`Open in\\s*${name}`) }).getAttribute('href');
      expect(href).toMatch(new RegExp(`^${scheme}//`));
    }
    await waysIn.getByText('easel command', { exact: true }).click();
    await waysIn.getByText('easel connect first').waitFor();
    await page.getByText('No isolation').waitFor();
    await waysIn.getByText('You have no SSH key here yet').waitFor();
  });

  it('shows what listens inside, resources and Git as they are reported', async () => {
    const page = await browser.open('/');
    await page.getByRole('link', { name: 'first', exact: true }).click();
    await page.getByText(/easel forward first \d+/).waitFor({ timeout: 40_000 });
    await page
      .getByRole('region', { name: 'Resources' })
      .getByRole('img', { name: /Memory over time/ })
      .waitFor();
    await page.getByRole('region', { name: 'Git' }).getByText('main', { exact: true }).waitFor();
  });

  it('is stopped and started from the list by keys alone, seen on both pages', async () => {
    const list = await browser.open('/');
    const own = await browser.open('/');
    await own.getByRole('link', { name: 'first', exact: true }).click();
    await phase(own, 'running');
    await list.getByRole('link', { name: 'first', exact: true }).waitFor();
    await list.keyboard.press('j');
    expect(await list.evaluate('document.activeElement.textContent')).toBe('first');
    await list.keyboard.press('s');
    await list.locator('li [data-phase="stopped"]').waitFor({ timeout: 40_000 });
    await phase(own, 'stopped');
    // The focus stays where it was, and a screen reader is told.
    expect(await list.evaluate('document.activeElement.textContent')).toBe('first');
    await list.getByText('first: Stopped', { exact: true }).waitFor({ state: 'attached' });
  });

  it('shows each phase of a start, in order', async () => {
    const page = await browser.open('/');
    await page.getByRole('link', { name: 'first', exact: true }).click();
    await phase(page, 'stopped');
    const seen = await watchPhases(page);
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await phase(page, 'running');
    const shown = (await seen()).map(({ phase: name }) => name);
    expect(shown.slice(-1)).toEqual(['running']);
    expect(shown).toEqual(expect.arrayContaining(['queued', 'starting']));
  });

  it('filters by phase and search, and keeps the filter in the address', async () => {
    const page = await browser.open('/');
    await page.getByRole('button', { name: /^Stopped/ }).click();
    await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
    expect(page.url()).toContain('phase=stopped');
    await page.getByRole('button', { name: 'Clear search and filter' }).click();
    await page.getByRole('link', { name: 'first', exact: true }).waitFor();
    await page.keyboard.type('no such thing');
    await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'first', exact: true }).waitFor();
  });

  it('says why a start failed and what to do; retry works once it is repaired', async () => {
    const page = await browser.open('/environments/new');
    const input = JSON.stringify({
      name: 'broken',
      repository: { url: repository },
      scripts: { start: { run: 'test -e ~/repaired || exit 9' } },
    });
    await stack.easelJson(['template', 'create', '--file', '-'], { input });
    await page.reload();
    await page.getByText('broken', { exact: true }).click();
    expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('broken');
    await page.getByRole('button', { name: 'Create environment' }).click();
    const failure = page.getByRole('region', { name: 'A script failed' });
    await failure.waitFor({ timeout: 40_000 });
    await failure.getByText('exit code 9').first().waitFor();
    await failure.getByText(/correct the script/).waitFor();
    await failure.getByRole('button', { name: 'Show the log' }).click();
    expect(await page.getByLabel('Show the log of').inputValue()).toBe('hooks');
    const { id } = await stack.easelJson(['show', 'broken']);
    writeFileSync(join(stack.dataDir, 'local/volumes', id, 'home/repaired'), '');
    await failure.getByRole('button', { name: 'Retry' }).click();
    await phase(page, 'running');
    expect(await failure.count()).toBe(0);
  });

  it('says what a delete would lose and asks for the name; then every trace is gone', async () => {
    const { id } = await stack.easelJson(['show', 'broken']);
    const clone = join(stack.dataDir, 'local/volumes', id, 'home/project');
    execFileSync('sh', ['-c', 'echo work > unsaved.txt'], { cwd: clone });
    const page = await browser.open(`/environments/${id}`);
    await page.getByRole('region', { name: 'Git' }).getByText('1 uncommitted change').waitFor({ timeout: 40_000 });
    await page.keyboard.press('d');
    const dialog = page.getByRole('alertdialog', { name: 'Delete broken?' });
    await dialog.getByText('1 uncommitted change').waitFor();
    const confirm = dialog.getByRole('button', { name: 'Delete and lose this work' });
    expect(await confirm.isDisabled()).toBe(true);
    await page.keyboard.type('broken');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'No such environment' }).waitFor({ timeout: 60_000 });
    expect(await phaseOf(page).catch(() => null)).toBeNull();
    await page.getByRole('link', { name: 'All environments' }).click();
    expect(await page.getByRole('link', { name: 'broken' }).count()).toBe(0);
  });

  it('says that nothing is there under an unknown address', async () => {
    const page = await browser.open('/environments/env00000000000000000000000000');
    await page.getByRole('heading', { name: 'No such environment' }).waitFor();
    const lost = await browser.open('/no/such/page');
    await lost.getByRole('heading', { name: 'There is nothing here' }).waitFor();
  });

  it('had nothing to complain about in the browser', () => {
    expect(browser.complaints.filter((text) => !text.includes('404'))).toEqual([]);
  });
});
