/** `easel sign-in --device`: the real command on the one side, a person with a browser on the other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, PHONE, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'sign-in with a code', () => {
  let stack: Stack;
  let browser: TestBrowser;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const envOf = (who: string) => ({
    EASEL_URL: '',
    EASEL_TOKEN: '',
    BROWSER: '',
    XDG_CONFIG_HOME: join(stack.scratchDir, who),
  });

  /** Starts the command; gives what it shows, and how it ends. */
  async function begin(who: string, more: { words?: string[]; env?: Record<string, string> } = {}) {
    const { words = ['--device'], env = {} } = more;
    const command: ChildProcess = spawn('npx', ['--no-install', 'easel', 'sign-in', stack.url, ...words], {
      env: { ...process.env, ...envOf(who), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    command.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = once(command, 'exit');
    const [path = ''] = await eventually(() => /\/device\?code=\S+/.exec(said), 30_000, 'the address');
    const [code = ''] = /\b[B-Z]{4}-[B-Z]{4}\b/.exec(said) ?? [];
    return { path, code, ended, said: () => said };
  }

  const shot = async (page: Awaited<ReturnType<TestBrowser['open']>>, name: string) => {
    if (process.env.SHOT) await page.screenshot({ path: `${process.env.SHOT}/device-${name}.png`, fullPage: true });
  };

  it('leads whoever is not signed in back to the question, and lets the command in by a press', async () => {
    const { path, code, ended } = await begin('laptop');
    const stranger = await browser.open(path, { isSignedIn: false });
    await stranger.waitForURL(/\/sign-in\?next=%2Fdevice%3Fcode%3D/);
    await stranger.context().close();

    const page = await browser.open('/device');
    const field = page.getByRole('textbox', { name: 'Code' });
    await field.fill('ABCD-EFGH');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Expected eight letters').waitFor();
    await shot(page, 'code');
    await field.fill(code.toLowerCase().replace('-', ' '));
    await field.press('Enter');
    await page.getByRole('heading', { name: `Let the easel command on ${hostname()} act as you?` }).waitFor();
    await page.getByText('the address that you come from, too').waitFor();
    await page.getByText('Only if you have started it yourself').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await shot(page, 'question');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('heading', { name: `${hostname()} is signed in` }).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await shot(page, 'allowed');
    expect(await ended).toEqual([0, null]);
    expect((await stack.easel(['whoami'], { env: envOf('laptop') })).stdout).toContain('admin');

    await page.getByRole('link', { name: 'Show my API tokens' }).click();
    const tokens = page.getByRole('list', { name: 'API tokens' });
    await tokens.getByText(hostname(), { exact: true }).waitFor();
    // It was made for the command, which takes it back.
    expect((await stack.easel(['sign-out', '--json'], { env: envOf('laptop') })).stdout).toContain('"isRevoked":true');
    await browser.go(page, '/inbox');
    await page.getByText('The easel command was signed in').waitFor();
    await page.context().close();
  });

  it('gives the command nothing when it is denied, and takes the code no more', async () => {
    const { path, ended, said } = await begin('other');
    const page = await browser.open(path, { viewport: PHONE, colorScheme: 'dark' });
    await page.getByRole('heading', { name: /act as you\?$/ }).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await shot(page, 'question-phone-dark');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('heading', { name: 'Denied' }).waitFor();
    expect(await ended).toEqual([1, null]);
    expect(said()).toContain('the sign-in was denied');
    await browser.go(page, path);
    await page.getByText('Nobody waits with this code').waitFor();
    await page.context().close();
  });

  it('is what the command does by itself over SSH', async () => {
    const env = { SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22', DISPLAY: ':0' };
    const { path, ended, said } = await begin('remote', { words: [], env });
    expect(said()).toContain('There is no browser on this machine');
    const page = await browser.open(path);
    await page.getByRole('button', { name: 'Approve' }).click();
    expect(await ended).toEqual([0, null]);
    await page.context().close();
  });

  it('complains of nothing', () => expect(browser.complaints).toEqual([]));
});
