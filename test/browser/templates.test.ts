/** Templates in the browser: made, checked, edited, used, deleted. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowser, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type Stack, startStack } from '../kit/stack.ts';

interface StoredTemplate {
  name: string;
  repositoryUrl: string;
  env: Record<string, string>;
  scripts: Record<string, { run: string; timeoutSeconds: number } | null>;
  sidecars: { name: string; image: string; env: Record<string, string>; command?: string[] }[];
  inactivityMinutes: number;
}

describeWith(['chromium', 'built web', 'git'], 'templates in the browser', () => {
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

  async function stored(name: string): Promise<StoredTemplate | null> {
    const { template } = await stack.api.query<{ template: StoredTemplate | null }>(
      'query ($name: String) { template(name: $name) { name repositoryUrl env scripts sidecars inactivityMinutes } }',
      { name },
    );
    return template;
  }

  it('tells each error at its field and goes to the first', async () => {
    const page = await browser.open('/templates/new');
    await page.getByLabel('Name', { exact: true }).fill('Web Shop');
    await page.getByLabel('Repository URL').fill('ext::sh -c id');
    await page.getByLabel('Stop after inactivity').fill('soon');
    await page.getByRole('button', { name: 'Create template' }).click();
    await page.getByText('3 fields need a correction').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('template-name');
    // From now on each key corrects.
    await page.getByLabel('Name', { exact: true }).fill('web-shop');
    await page.getByText('2 fields need a correction').waitFor();
    expect(await stored('web-shop')).toBeNull();
  });

  it('stores what was entered: scripts, pasted variables, a sidecar', async () => {
    const page = await browser.open('/templates');
    await page.getByRole('link', { name: 'New template' }).click();
    await page.getByLabel('Name', { exact: true }).fill('web-shop');
    await page.getByLabel('Repository URL').fill(repository);
    await page.getByLabel('Stop after inactivity').fill('0');
    await page.getByRole('button', { name: 'Add variable' }).click();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: stack.url });
    await page.evaluate(`navigator.clipboard.writeText('A=1\\nexport B="x=y"\\n')`);
    await page.keyboard.press('Control+v');
    await page.getByRole('textbox', { name: 'Value' }).nth(1).waitFor();
    await page.getByLabel('Script init').fill('echo ready > ~/ready');
    await page.getByLabel('Time limit in seconds').fill('30');
    await page.getByRole('button', { name: 'Add sidecar' }).click();
    await page.getByRole('group', { name: 'Sidecar 1' }).getByLabel('Name', { exact: true }).fill('db');
    await page.getByRole('group', { name: 'Sidecar 1' }).getByLabel('Image').fill('postgres:18');
    await page.getByRole('group', { name: 'Sidecar 1' }).getByLabel('Variables').fill('POSTGRES_PASSWORD=dev');
    await page.getByRole('button', { name: 'Create template' }).click();
    await page.getByRole('article', { name: 'web-shop' }).waitFor();
    expect(await stored('web-shop')).toMatchObject({
      repositoryUrl: repository,
      env: { A: '1', B: 'x=y' },
      scripts: { init: { run: 'echo ready > ~/ready', timeoutSeconds: 30 } },
      sidecars: [{ name: 'db', image: 'postgres:18', env: { POSTGRES_PASSWORD: 'dev' } }],
      inactivityMinutes: 0,
    });
  });

  it('refuses a name that is taken, at the field', async () => {
    const page = await browser.open('/templates/new');
    await page.getByLabel('Name', { exact: true }).fill('web-shop');
    await page.getByLabel('Repository URL').fill(repository);
    await page.getByRole('button', { name: 'Create template' }).click();
    const error = page.locator('#template-name-error');
    await error.waitFor();
    expect(await error.textContent()).toContain('web-shop');
  });

  it('edits one, keeping what was not touched', async () => {
    const page = await browser.open('/templates');
    await page.getByRole('link', { name: 'Edit web-shop' }).click();
    await page.getByRole('heading', { name: 'Template web-shop' }).waitFor();
    await page.getByRole('button', { name: 'Remove variable A' }).click();
    await page.getByLabel('Description').fill('The shop');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('article', { name: 'web-shop' }).getByText('The shop').waitFor();
    expect(await stored('web-shop')).toMatchObject({
      env: { B: 'x=y' },
      scripts: { init: { timeoutSeconds: 30 } },
      sidecars: [{ name: 'db' }],
    });
  });

  it('leads from a template to an environment of it', async () => {
    const page = await browser.open('/templates');
    await page.getByRole('link', { name: /Use web-shop/ }).click();
    await page.getByRole('radio', { name: /web-shop/ }).waitFor({ state: 'attached' });
    expect(await page.getByRole('radio', { name: /web-shop/ }).isChecked()).toBe(true);
    expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('web-shop');
  });

  it('deletes one after asking', async () => {
    const page = await browser.open('/templates');
    await page.getByRole('link', { name: 'Edit web-shop' }).click();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Template web-shop deleted').waitFor();
    expect(await page.getByRole('article', { name: 'web-shop' }).count()).toBe(0);
    expect(await stored('web-shop')).toBeNull();
  });

  it('had nothing to complain about in the browser', () => {
    expect(browser.complaints).toEqual([]);
  });
});
