/** Every screen: nothing for axe to find in light and dark, wide and narrow; keys and connection behave everywhere. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DESKTOP, findAccessibilityFaults, openBrowser, PHONE, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

/** There are some thirty screens, and each is looked at for a second or three. */
const ALL_SCREENS_MS = 300_000;

describeWith(['chromium', 'built web'], 'all screens in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let running = '';
  let failed = '';
  let template = '';
  let viewer = '';

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    running = (await stack.easelJson(['create', 'running-one', '--wait'])).id;
    const ran = await stack.easel(['create', 'failed-one', '--git', 'file:///nowhere/at-all.git', '--wait', '--json']);
    expect(ran.code).toBe(1);
    failed = (await stack.easelJson(['show', 'failed-one'])).id;
    const found = await stack.api.query<{ template: { id: string } }>('{ template(name: "sample") { id } }');
    template = found.template.id;
    viewer = (await stack.easelJson<{ id: string }>(['whoami'])).id;
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const screens: [string, () => string, (page: Page) => Promise<unknown>][] = [
    ['list', () => '/', (page) => page.getByRole('link', { name: 'running-one', exact: true }).waitFor()],
    ['running environment', () => `/environments/${running}`, (page) => page.getByText('Ways in').waitFor()],
    ['failed environment', () => `/environments/${failed}`, (page) => page.locator('[data-failure]').waitFor()],
    ['create', () => '/environments/new', (page) => page.getByRole('group', { name: 'Start from' }).waitFor()],
    ['templates', () => '/templates', (page) => page.getByRole('article').first().waitFor()],
    ['new template', () => '/templates/new', (page) => page.getByLabel('Repository URL').waitFor()],
    ['template', () => `/templates/${template}`, (page) => page.getByLabel('Repository URL').waitFor()],
    ['SSH keys', () => '/settings/keys', (page) => page.getByText('No SSH keys yet').waitFor()],
    ['API tokens', () => '/settings/tokens', (page) => page.getByRole('heading', { level: 1 }).waitFor()],
    ['a code to enter', () => '/device', (page) => page.getByRole('textbox', { name: 'Code' }).waitFor()],
    ['inbox', () => '/inbox', (page) => page.getByRole('list', { name: 'Inbox' }).waitFor()],
    ['sessions', () => '/settings/sessions', (page) => page.getByText('this one').waitFor()],
    ['password', () => '/settings/password', (page) => page.getByLabel('Current password').waitFor()],
    ['security', () => '/settings/security', (page) => page.getByText('An app on your phone').waitFor()],
    ['platforms', () => '/platform', (page) => page.getByText('Online').waitFor()],
    ['people', () => '/platform/people', (page) => page.getByText('System administrator').waitFor()],
    [
      'linked accounts of somebody',
      () => `/platform/people/${viewer}`,
      (page) => page.getByText('signs in with').waitFor(),
    ],
    ['groups', () => '/platform/groups', (page) => page.getByRole('heading', { level: 1 }).waitFor()],
    ['roles', () => '/platform/roles', (page) => page.getByRole('heading', { level: 1 }).waitFor()],
    ['sign-in modules', () => '/platform/sign-in', (page) => page.getByText('No other way').waitFor()],
    ['audit log', () => '/platform/audit', (page) => page.getByText('signIn').first().waitFor()],
    ['unknown address', () => '/no/such/page', (page) => page.getByText('There is nothing here').waitFor()],
  ];

  it.each([
    ['light', 'desktop', DESKTOP],
    ['dark', 'desktop', DESKTOP],
    ['light', 'phone', PHONE],
    ['dark', 'phone', PHONE],
  ] as const)(
    'has no accessibility faults (%s, %s)',
    { timeout: ALL_SCREENS_MS },
    async (colorScheme, _width, viewport) => {
      const page = await browser.open('/', { colorScheme, viewport });
      const faults: string[] = [];
      for (const [name, path, isThere] of screens) {
        await browser.go(page, path());
        await isThere(page);
        for (const fault of await findAccessibilityFaults(page)) faults.push(`${name}: ${fault}`);
        // Nothing may stick out to the side.
        const overflow = (await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        )) as number;
        if (overflow > 0) faults.push(`${name}: the page is ${overflow} px wider than the window`);
        // Nor may the place where one is.
        const isOutOfSight =
          await page.evaluate(`[...document.querySelectorAll('nav [aria-current="page"]')].some((link) => {
        const { left, right } = link.getBoundingClientRect();
        return left < 0 || right > innerWidth;
      })`);
        if (isOutOfSight) faults.push(`${name}: the link to this page is out of sight`);
      }
      const stranger = await browser.open('/sign-in?code=x', { colorScheme, viewport, isSignedIn: false });
      await stranger.getByLabel('Login').waitFor();
      faults.push(...(await findAccessibilityFaults(stranger)));
      expect(faults).toEqual([]);
      await stranger.context().close();
      await page.context().close();
    },
  );

  it.each(['light', 'dark'] as const)(
    'has no accessibility faults in its dialogs and menus (%s)',
    async (colorScheme) => {
      const page = await browser.open('/', { colorScheme });
      await page.getByRole('link', { name: 'running-one', exact: true }).waitFor();
      const faults: string[] = [];
      const check = async (name: string) => {
        for (const fault of await findAccessibilityFaults(page)) faults.push(`${name}: ${fault}`);
        await page.keyboard.press('Escape');
      };
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await check('help');
      await page.keyboard.press('Control+k');
      await page.getByRole('dialog', { name: 'Go to…' }).waitFor();
      await check('go to');
      await page.getByRole('button', { name: 'More actions for running-one' }).click();
      await page.getByRole('menu').waitFor();
      await check('row menu');
      await page.getByRole('button', { name: 'Colour scheme' }).click();
      await page.getByRole('menu').waitFor();
      await check('colour scheme');
      await browser.go(page, `/environments/${running}`);
      await page.getByText('Ways in').waitFor();
      await page.keyboard.press('d');
      await page.getByRole('alertdialog').waitFor();
      await check('delete');
      await browser.go(page, '/settings/keys');
      await page.getByRole('button', { name: 'Add SSH key' }).click();
      await check('add key');
      expect(faults).toEqual([]);
      await page.context().close();
    },
  );

  it('has landmarks, a heading and a title of its own on every screen, and a way past the navigation', async () => {
    const page = await browser.open('/');
    const titles = new Set<string>();
    for (const [name, path, isThere] of screens.filter(([screen]) => screen !== 'unknown address')) {
      await browser.go(page, path());
      await isThere(page);
      expect(await page.getByRole('main').count(), name).toBe(1);
      expect(await page.getByRole('banner').count(), name).toBe(1);
      expect(await page.getByRole('heading', { level: 1 }).count(), name).toBe(1);
      titles.add(await page.title());
    }
    expect(titles.size).toBe(screens.length - 1);
    await browser.go(page, '/');
    await page.getByRole('link', { name: 'running-one', exact: true }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
  });

  it('goes everywhere by keys', async () => {
    const page = await browser.open('/');
    await page.getByRole('link', { name: 'running-one', exact: true }).waitFor();
    for (const [keys, heading] of [
      ['gt', 'Templates'],
      ['gs', 'SSH keys'],
      ['gp', 'Platforms'],
      ['c', 'Create environment'],
      ['ge', 'Environments'],
    ] as const) {
      await page.keyboard.type(keys);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    }
    await page.keyboard.press('Control+k');
    await page.keyboard.type('running');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'running-one' }).waitFor();
    await page.keyboard.press('u');
    await page.getByRole('heading', { level: 1, name: 'Environments' }).waitFor();
    const scheme = () => page.evaluate('document.documentElement.classList.contains("dark")');
    const before = await scheme();
    await page.keyboard.press('t');
    await eventually(async () => (await scheme()) === !before, 10_000, 'the other colours');
  });

  it('says so when the server goes away, and is up to date again by itself', async () => {
    const page = await browser.open('/');
    await page.locator('[data-connection="live"]').waitFor();
    const [server] = stack.processesOf('server/src/main.ts');
    if (!server) throw new Error('no server process found');
    process.kill(server.identity.pid, 'SIGKILL');
    await page.locator('[data-connection="reconnecting"], [data-connection="offline"]').waitFor();
    await page.getByText('Connection lost. Trying again.').waitFor({ state: 'attached' });
    await page.locator('[data-connection="live"]').waitFor({ timeout: 60_000 });
    await stack.easelJson(['stop', 'running-one', '--wait']);
    await page.locator('li [data-phase="stopped"]').waitFor();
  });
});
