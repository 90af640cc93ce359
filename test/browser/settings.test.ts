/** SSH keys and API tokens in the browser. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web', 'openssh client'], 'settings in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let keyFile: string;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    keyFile = join(stack.scratchDir, 'id_ed25519');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'anna@laptop', '-f', keyFile]);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  it('takes a public key from a file, names it and shows its fingerprint as ssh-keygen does', async () => {
    const [, fingerprint = ''] = execFileSync('ssh-keygen', ['-lf', `${keyFile}.pub`], { encoding: 'utf8' }).split(' ');
    const page = await browser.open('/settings/keys');
    await page.getByRole('heading', { name: 'No SSH keys yet' }).waitFor();
    await page.getByRole('button', { name: 'Add SSH key' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a public key' });
    await dialog.locator('input[type=file]').setInputFiles(`${keyFile}.pub`);
    await dialog.getByText(fingerprint).waitFor();
    expect(await dialog.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('laptop');
    await dialog.getByRole('button', { name: 'Add SSH key' }).click();
    await page.getByRole('list', { name: 'SSH keys' }).getByText(fingerprint).waitFor();
    await dialog.waitFor({ state: 'detached' });
  });

  it('never takes a private key, and keeps nothing of it in the page', async () => {
    const page = await browser.open('/settings/keys');
    await page.getByRole('button', { name: 'Add SSH key' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a public key' });
    await dialog.locator('input[type=file]').setInputFiles(keyFile);
    await dialog.getByText(/This is a private key/).waitFor();
    expect(await dialog.getByRole('textbox', { name: 'Public key' }).inputValue()).toBe('');
    const secret = readFileSync(keyFile, 'utf8').split('\n')[1] ?? '-';
    expect(await page.content()).not.toContain(secret);
  });

  it('says what is wrong with text that is no key, and what the server refuses', async () => {
    const page = await browser.open('/settings/keys');
    await page.getByRole('button', { name: 'Add SSH key' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a public key' });
    const key = dialog.getByRole('textbox', { name: 'Public key' });
    await key.fill('hello');
    await dialog.getByText(/Expected one line such as/).waitFor();
    await key.fill(readFileSync(`${keyFile}.pub`, 'utf8'));
    await dialog.getByRole('button', { name: 'Add SSH key' }).click();
    const error = dialog.locator('#key-text-error');
    await error.waitFor();
    expect(await key.getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    // The focus is back where the dialog was opened.
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Add SSH key');
  });

  it('removes a key after asking', async () => {
    const page = await browser.open('/settings/keys');
    await page.getByRole('button', { name: 'Remove key laptop' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Remove the key laptop?' });
    await dialog.waitFor();
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Cancel');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: 'No SSH keys yet' }).waitFor();
  });

  it('shows a new token once, which works until it is revoked', async () => {
    const page = await browser.open('/settings/tokens');
    await page.getByRole('button', { name: 'Create token' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Create an API token' });
    await dialog.getByRole('button', { name: 'Create token' }).click();
    await dialog.getByText('Give it a name.').waitFor();
    await dialog.getByRole('textbox', { name: 'Name' }).fill('nightly');
    await dialog.getByLabel('Expires').selectOption('7');
    await dialog.getByRole('button', { name: 'Create token' }).click();
    const token = (await dialog.locator('code', { hasText: /^easel_pat_/ }).textContent())?.trim() ?? '';
    // A slip beside the dialog must not lose what is shown only once.
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(1);
    expect(await statusWith(token)).toBe('admin');
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByRole('list', { name: 'API tokens' }).getByText('nightly').waitFor();
    expect(await page.content()).not.toContain(token);

    await page.getByRole('button', { name: 'Revoke token nightly' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('Token nightly revoked').waitFor();
    expect(await statusWith(token)).toBeNull();
  });

  it('signs the easel command in by a press, and shows its token to nobody', async () => {
    const env = { EASEL_URL: '', EASEL_TOKEN: '', XDG_CONFIG_HOME: join(stack.scratchDir, 'command') };
    let said = '';
    const command = spawn('npx', ['--no-install', 'easel', 'sign-in', stack.url, '--no-browser'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    command.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = once(command, 'exit');
    const [path = ''] = await eventually(() => /\/settings\/tokens\/command\?\S+/.exec(said), 30_000, 'the address');
    const page = await browser.open(path);
    await page.getByText(`Let the easel command on ${hostname()} act as you?`).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('The command has its token').waitFor();
    expect(await ended).toEqual([0, null]);
    expect((await stack.easel(['whoami'], { env })).stdout).toContain('admin');
    expect((await stack.easel(['sign-out'], { env })).code).toBe(0);
  });

  it('makes no token for an address that no command has opened', async () => {
    const page = await browser.open('/settings/tokens/command?port=22&state=x');
    await page.getByRole('heading', { name: 'No command asks for a token here' }).waitFor();
    expect(await page.getByRole('button', { name: 'Sign in', exact: true }).count()).toBe(0);
  });

  /** Who the API says a token is. */
  async function statusWith(token: string): Promise<string | null> {
    const answer = await fetch(`${stack.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ me { login } }' }),
    });
    const body = (await answer.json()) as { data?: { me?: { login: string } | null } | null };
    return body.data?.me?.login ?? null;
  }

  it('lists where one is signed in, and signs out elsewhere', async () => {
    const page = await browser.open('/settings/sessions');
    await page.getByText('this one').waitFor();
    const password = 'correct horse battery';
    const query = `mutation { setPassword(input: { password: "${password}" }) { __typename } }`;
    const headers = { 'content-type': 'application/json' };
    const request = JSON.stringify({ method: 'POST', headers, body: JSON.stringify({ query }) });
    await page.evaluate(`fetch('/graphql', ${request})`);
    const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0';
    const answer = await fetch(`${stack.url}/auth/sign-in`, {
      method: 'POST',
      headers: { ...headers, 'user-agent': userAgent },
      body: JSON.stringify({ login: 'admin', password }),
    });
    const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const loginThere = async () => {
      const body = JSON.stringify({ query: '{ me { login } }' });
      const there = await fetch(`${stack.url}/graphql`, { method: 'POST', headers: { ...headers, cookie }, body });
      return ((await there.json()) as { data?: { me: { login: string } | null } }).data?.me?.login;
    };
    expect(await loginThere()).toBe('admin');
    await page.reload();
    const list = page.getByRole('list', { name: 'Sessions' });
    await list.getByText('Firefox on Linux').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await list.getByRole('button', { name: 'Sign out Firefox on Linux' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Firefox on Linux is signed out').waitFor();
    await list.getByText('Firefox on Linux').waitFor({ state: 'detached' });
    expect(await loginThere()).toBeUndefined();
  });

  it('had nothing to complain about in the browser', () => {
    expect(browser.complaints).toEqual([]);
  });
});
