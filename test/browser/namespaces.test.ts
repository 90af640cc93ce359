/** Namespaces in the browser of an administrator: one is made, filled with a template, given to a group, and deleted when empty. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, PHONE, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

describeWith(['chromium', 'built web'], 'namespaces in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
    page = await browser.open('/platform/namespaces');
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  const row = (name: string) =>
    page.getByRole('list', { name: 'Namespaces' }).getByRole('listitem').filter({ hasText: name });

  it('one is made and renamed, and the default one stays as it is', async () => {
    await row('default').getByText('1 template, 0 environments').waitFor();
    expect(await row('default').getByRole('button').count()).toBe(0);
    await page.getByRole('button', { name: 'New namespace' }).click();
    const dialog = page.getByRole('dialog', { name: 'New namespace' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('No Name');
    await dialog.getByRole('button', { name: 'Create namespace' }).click();
    await dialog.getByText('A name starts with a letter').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await dialog.getByRole('textbox', { name: 'Name' }).fill('shop');
    await dialog.getByRole('button', { name: 'Create namespace' }).click();
    await row('shop').getByRole('button', { name: 'Rename shop' }).click();
    const rename = page.getByRole('dialog', { name: 'Rename shop' });
    await rename.getByRole('textbox', { name: 'Name' }).fill('web');
    await rename.getByRole('button', { name: 'Rename' }).click();
    await row('web').getByText('0 templates, 0 environments').waitFor();
    await page.setViewportSize(PHONE);
    expect(await findAccessibilityFaults(page)).toEqual([]);
  });

  it('a template is made in it, and is found there', async () => {
    await browser.go(page, '/templates/new');
    await page.getByRole('combobox', { name: 'Namespace' }).selectOption('web');
    await page.getByRole('textbox', { name: 'Name' }).first().fill('front');
    await page.locator('#template-url').fill('https://git.example.com/front.git');
    await page.getByRole('button', { name: 'Create template' }).click();
    const card = page.getByRole('article', { name: 'front' });
    await card.getByText('web', { exact: true }).waitFor();
    await card.getByRole('link', { name: /front/ }).last().click();
    await page.getByRole('radio', { name: 'web/front', checked: true }).waitFor();
  });

  it('a group gets a role in it alone', async () => {
    await browser.go(page, '/platform/groups');
    await page.getByRole('button', { name: 'New group' }).click();
    const dialog = page.getByRole('dialog', { name: 'New group' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Frontend');
    await dialog.getByRole('combobox', { name: 'Namespace' }).selectOption('web');
    await dialog.getByRole('checkbox', { name: 'Developer' }).check();
    await dialog.getByRole('combobox', { name: 'Namespace' }).selectOption('default');
    expect(await dialog.getByRole('checkbox', { name: 'Developer' }).isChecked()).toBe(false);
    await dialog.getByText('Elsewhere: Developer in web.').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Create group' }).click();
    await dialog.waitFor({ state: 'detached' });
    const { groups } = await stack.api.query<{ groups: { edges: { node: unknown }[] } }>(
      '{ groups(first: 10) { edges { node { name roles { role namespace { name } } } } } }',
    );
    expect(groups.edges).toEqual([
      { node: { name: 'Frontend', roles: [{ role: 'developer', namespace: { name: 'web' } }] } },
    ]);
  });

  it('a service account gets a role in it, and then another one elsewhere', async () => {
    await browser.go(page, '/platform/people');
    await page.getByRole('button', { name: 'Service account' }).click();
    const making = page.getByRole('dialog', { name: 'New service account' });
    await making.getByRole('textbox', { name: 'Name' }).fill('Nightly');
    await making.getByRole('textbox', { name: 'Login' }).fill('nightly');
    await making.getByRole('combobox', { name: 'Namespace', exact: true }).selectOption('web');
    await making.getByRole('combobox', { name: 'Role in the namespace' }).selectOption('Viewer');
    await making.getByRole('button', { name: 'Create account' }).click();
    await page
      .getByRole('dialog', { name: /token of Nightly/ })
      .getByRole('button', { name: 'Cancel' })
      .click();
    await page.getByRole('button', { name: 'Edit Nightly' }).click();
    const dialog = page.getByRole('dialog', { name: 'Nightly' });
    const role = dialog.getByRole('combobox', { name: 'Role in the namespace' });
    await role.getByRole('option', { name: 'No role', selected: true }).waitFor({ state: 'attached' });
    await dialog.getByRole('combobox', { name: 'Namespace', exact: true }).selectOption('web');
    await role.getByRole('option', { name: 'Viewer', selected: true }).waitFor({ state: 'attached' });
    await dialog.getByRole('combobox', { name: 'Namespace', exact: true }).selectOption('default');
    await role.selectOption('Developer');
    await dialog.getByRole('button', { name: 'Save roles' }).click();
    await dialog.waitFor({ state: 'detached' });
    const { users } = await stack.api.query<{ users: { edges: { node: { roles: unknown[] } }[] } }>(
      '{ users(first: 10, search: "nightly") { edges { node { roles { role namespace { name } } } } } }',
    );
    const roles = users.edges.flatMap(({ node }) => node.roles);
    expect(roles).toHaveLength(2);
    expect(roles).toEqual(
      expect.arrayContaining([
        { role: 'viewer', namespace: { name: 'web' } },
        { role: 'developer', namespace: { name: 'default' } },
      ]),
    );
  });

  it('one with something in it is not deleted, an empty one is', async () => {
    await browser.go(page, '/platform/namespaces');
    const deleteIt = async () => {
      await page.getByRole('button', { name: 'Delete web' }).click();
      await page.getByRole('button', { name: 'Delete namespace' }).click();
    };
    await deleteIt();
    await page.getByText(/templates or environments are in "web" still/).waitFor();
    await stack.easelJson(['template', 'delete', 'web/front']);
    await deleteIt();
    await row('web').waitFor({ state: 'detached' });
    await row('default').waitFor();
  });
});
