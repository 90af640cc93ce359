/**
 * Platforms, instance types, disks and snapshots in the browser. The cluster is one that only beats: its scheduler is played
 * here, by the token that the page shows.
 */
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findAccessibilityFaults, openBrowser, PHONE, type TestBrowser } from '../kit/browser.ts';
import { describeWith } from '../kit/describe-with.ts';
import { type Stack, startStack } from '../kit/stack.ts';

const GIB = 1024 ** 3;

describeWith(['chromium', 'built web'], 'platforms in the browser', () => {
  let stack: Stack;
  let browser: TestBrowser;
  let scheduler: ApiClient | null = null;
  let token = '';
  let platformPath = '';
  let takesSnapshots = false;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    browser = await openBrowser(stack);
  });
  afterAll(async () => {
    scheduler?.close();
    await browser?.close();
    await stack?.stop();
  });

  /** What a scheduler in a cluster says of it. */
  async function beat(said: { settingsVersion?: number; settingsProblem?: string } = {}): Promise<void> {
    scheduler ??= createApiClient({ url: stack.url, token: () => token });
    const input = {
      kind: 'kubernetes',
      version: '0.1.0',
      clusterVersion: 'v1.34.1',
      isIsolated: true,
      runtime: 'docker',
      features: {
        snapshots: takesSnapshots
          ? { isAvailable: true, reason: null }
          : { isAvailable: false, reason: 'the cluster serves no VolumeSnapshot v1' },
        expansion: { isAvailable: true, reason: null },
      },
      storageClasses: [{ name: 'standard', isDefault: true, canExpand: true, provisioner: 'example.com/disk' }],
      problems: ['it may not list nodes'],
      settingsVersion: 0,
      ...said,
    };
    await scheduler.query('mutation ($input: PlatformHeartbeatInput!) { platformHeartbeat(input: $input) { id } }', {
      input,
    });
  }

  it('connects a cluster by a token that is shown once, with the command to install it', async () => {
    const page = await browser.open('/platform');
    await page.getByRole('button', { name: 'Connect platform' }).click();
    const dialog = page.getByRole('dialog', { name: 'Connect a Kubernetes cluster' });
    await dialog.getByLabel('Name').fill('EU West');
    await dialog.getByRole('button', { name: 'Make token' }).click();
    await dialog.locator('#platform-name-error').waitFor();
    await dialog.getByLabel('Name').fill('local');
    await dialog.getByRole('button', { name: 'Make token' }).click();
    await dialog.getByText(/already a computing platform/).waitFor();
    await dialog.getByLabel('Name').fill('eu-west');
    await dialog.getByRole('button', { name: 'Make token' }).click();
    token = (await dialog.locator('code', { hasText: /^easel_platform_/ }).textContent())?.trim() ?? '';
    const command = (await dialog.locator('code', { hasText: /^helm install/ }).textContent()) ?? '';
    expect(command).toContain(`--set platform.token=${token}`);
    expect(command).toContain(`--set platform.serverUrl=${stack.url}`);
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(1);
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    const card = page.getByRole('region', { name: 'eu-west' });
    await card.getByText('Not connected yet').first().waitFor();
    expect(await page.content()).not.toContain(token);
  });

  it('shows what its scheduler says as soon as it is heard', async () => {
    const page = await browser.open('/platform');
    const card = page.getByRole('region', { name: 'eu-west' });
    await card.getByText('Not connected yet').first().waitFor();
    await beat();
    await card.getByText('Online', { exact: true }).waitFor();
    await card.getByText('v1.34.1').waitFor();
    await card.getByText('It may not list nodes.').waitFor();
    await card.getByText('The cluster serves no VolumeSnapshot v1.').waitFor();
    await card.getByRole('link', { name: 'Set up eu-west' }).click();
    await page.getByText('example.com/disk').waitFor();
    platformPath = new URL(page.url()).pathname;
  });

  it('tells what is wrong with settings at their fields, and stores nothing', async () => {
    const page = await browser.open(platformPath);
    await page.getByLabel('Runtime class').fill('No Such');
    await page.getByLabel('Tolerations').fill('x:Never');
    await page.getByRole('button', { name: 'Save settings' }).click();
    await page.getByText('2 fields need a correction').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('settings-runtimeClass');
    expect(await settingsVersion()).toBe(0);
  });

  it('says which settings are in force, and why newer ones were refused', async () => {
    const page = await browser.open(platformPath);
    await page.getByLabel('Node selector').fill('pool=easel');
    await page.getByLabel('Pod template (YAML)').fill('spec:\n  priorityClassName: nobody\n');
    await page.getByRole('button', { name: 'Save settings' }).click();
    await page.getByText('Version 1 is stored and waits for the scheduler to try it out.').waitFor();
    await beat({ settingsVersion: 0, settingsProblem: 'no PriorityClass with name nobody was found' });
    await page.getByText('No PriorityClass with name nobody was found.').waitFor();
    await page.getByText('The platform works on by the defaults.').waitFor();
    // What was typed is still there to be corrected.
    expect(await page.getByLabel('Node selector').inputValue()).toBe('pool=easel');
    await page.getByLabel('Pod template (YAML)').fill('');
    await page.getByRole('button', { name: 'Save settings' }).click();
    await page.getByText('Version 2 is stored and waits for the scheduler to try it out.').waitFor();
    await beat({ settingsVersion: 2 });
    await page.getByText('in force: version 2').waitFor();
    await page.reload();
    await page.getByText('in force: version 2').waitFor();
    expect(await page.getByLabel('Node selector').inputValue()).toBe('pool=easel');
  });

  it('makes, changes and deletes instance types', async () => {
    const page = await browser.open('/platform/instance-types');
    await page.getByRole('link', { name: 'New instance type' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Huge One');
    await page.getByLabel('Memory in GB').fill('0.01');
    await page.getByRole('button', { name: 'Create instance type' }).click();
    await page.getByText('Expected 0.125 to 24576 GB.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('small');
    await page.getByLabel('Memory in GB').fill('64');
    await page.getByRole('button', { name: 'Create instance type' }).click();
    await page.getByText(/already an instance type/).waitFor();
    await page.getByLabel('Name', { exact: true }).fill('huge');
    await page.getByRole('button', { name: 'Create instance type' }).click();
    await page.getByRole('list', { name: 'Instance types' }).getByText('64 GB memory').waitFor();
    await page.getByRole('link', { name: 'Edit huge' }).click();
    await page.getByLabel('Cores').fill('16');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/^16 cores/).waitFor();
    await page.getByRole('link', { name: 'Edit huge' }).click();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Instance type huge deleted').waitFor();
    expect(await page.getByText('64 GB memory').count()).toBe(0);
  });

  it('offers in a template only what it names, the default one first', async () => {
    const page = await browser.open('/templates');
    await page.getByRole('link', { name: 'Edit sample' }).click();
    await page.getByRole('checkbox', { name: /^small/ }).check();
    await page.getByRole('checkbox', { name: /^medium/ }).check();
    await page.getByLabel('Default instance type').selectOption('medium');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('article', { name: 'sample' }).waitFor();
    const { template } = await stack.api.query<{ template: { instanceTypes: string[] } }>(
      '{ template(name: "sample") { instanceTypes } }',
    );
    expect(template.instanceTypes).toEqual(['medium', 'small']);
  });

  it('creates an environment of a type on a platform; its disk grows, snapshots say why not', async () => {
    await beat({ settingsVersion: 2 });
    const page = await browser.open('/environments/new');
    await page.getByLabel('Instance type').selectOption({ label: 'small: 2 cores · 4 GB memory · 20 GB disk' });
    await page.getByLabel('Platform').selectOption('eu-west');
    await page.getByRole('button', { name: 'Create environment' }).click();
    const disk = page.getByRole('region', { name: 'Disk size' });
    await disk.getByText('20 GB').waitFor();
    await page
      .getByRole('region', { name: 'Snapshots' })
      .getByText('Not available here: The cluster serves no VolumeSnapshot v1.')
      .waitFor();
    await disk.getByRole('button', { name: 'Grow…' }).click();
    const dialog = page.getByRole('dialog', { name: /^Grow the disk of/ });
    await dialog.getByLabel('New size in GB').fill('10');
    await dialog.getByRole('button', { name: 'Grow' }).click();
    await dialog.getByText('Expected more than 20 GB.').waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await page.keyboard.press('Escape');
    // What waits can be called off.
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('h1 + [data-phase="stopped"]').waitFor();
    const { environments } = await stack.api.query<{
      environments: { edges: { node: { disk: { wantedBytes: number } | null; platform: { name: string } } }[] };
    }>('{ environments { edges { node { disk { wantedBytes } platform { name } } } } }');
    expect(environments.edges[0]?.node).toEqual({ disk: { wantedBytes: 20 * GIB }, platform: { name: 'eu-west' } });
  });

  it('takes a snapshot, shows how far it is, and makes an environment of it', async () => {
    takesSnapshots = true;
    await beat({ settingsVersion: 2 });
    const { id } = await stack.easelJson(['show', 'sample']);
    const page = await browser.open(`/environments/${id}`);
    const card = page.getByRole('region', { name: 'Snapshots' });
    await card.getByRole('button', { name: 'Take snapshot' }).click();
    const dialog = page.getByRole('dialog', { name: 'Take a snapshot of sample' });
    await dialog.getByLabel('Name').fill('before the upgrade');
    await dialog.getByRole('button', { name: 'Take snapshot' }).click();
    await card.getByText('waiting', { exact: true }).waitFor();
    const tasks = await scheduler?.query<{ platformSnapshots: { id: string }[] }>('{ platformSnapshots }');
    const observation = { snapshotId: tasks?.platformSnapshots[0]?.id, type: 'ready', sizeBytes: 20 * GIB };
    await scheduler?.query('mutation ($all: [JSON!]!) { reportSnapshots(observations: $all) }', { all: [observation] });
    await card.getByText('ready', { exact: true }).waitFor();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await card.getByRole('link', { name: 'Create from it: before the upgrade' }).click();
    await page.locator('#create-snapshot').waitFor();
    await page.getByRole('button', { name: 'Create environment' }).click();
    await page.getByText('snapshot before the upgrade of sample').waitFor();
    await page.goto(`/environments/${id}`);
    await card.getByRole('button', { name: 'Delete the snapshot before the upgrade' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    // Refused while an environment is being made from it.
    await page.getByText(/is being made from it/).waitFor();
  });

  it.each([
    ['light', undefined],
    ['dark', undefined],
    ['light', PHONE],
  ] as const)('has no accessibility faults (%s, %s)', async (colorScheme, viewport) => {
    const page = await browser.open(platformPath, { colorScheme, ...(viewport && { viewport }) });
    const faults: string[] = [];
    for (const [path, heading] of [
      [platformPath, 'eu-west'],
      ['/platform', 'Platforms'],
      ['/platform/instance-types', 'Instance types'],
      ['/platform/instance-types/new', 'New instance type'],
    ] as const) {
      await browser.go(page, path);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      for (const fault of await findAccessibilityFaults(page)) faults.push(`${path}: ${fault}`);
      const overflow = (await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )) as number;
      if (overflow > 0) faults.push(`${path}: the page is ${overflow} px wider than the window`);
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it('gives another token, after which the old one opens nothing', async () => {
    const page = await browser.open(platformPath);
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Make a new token' }).click();
    const dialog = page.getByRole('dialog', { name: 'New token of eu-west' });
    const renewed = (await dialog.locator('code', { hasText: /^easel_platform_/ }).textContent())?.trim() ?? '';
    await dialog.getByText(/^helm upgrade/).waitFor();
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await expect(beat()).rejects.toThrow();
    token = renewed;
    await beat({ settingsVersion: 2 });
  });

  it('drains one and takes it up again', async () => {
    const page = await browser.open(platformPath);
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.getByText('Nothing new starts here. What runs goes on.').waitFor();
    await page.getByRole('button', { name: 'Take up again' }).click();
    await page.getByText('eu-west takes new environments again').waitFor();
  });

  it('removes one only when nothing is left there', async () => {
    const page = await browser.open(platformPath);
    const remove = async () => {
      await page.getByRole('button', { name: 'Remove…' }).click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    };
    await remove();
    await page.getByText(/still has 2 environments/).waitFor();
    expect(new URL(page.url()).pathname).toBe(platformPath);
    const empty = await stack.easelJson<{ id: string }>(['platform', 'create', 'us-east']);
    await browser.go(page, `/platform/${empty.id}`);
    await remove();
    await page.getByText('Platform us-east removed').waitFor();
    await page.getByRole('heading', { level: 1, name: 'Platforms' }).waitFor();
    expect(await page.getByRole('region', { name: 'us-east' }).count()).toBe(0);
  });

  it('removes one whose cluster is gone with all that was there, when told so', async () => {
    const lost = await stack.easelJson<{ id: string }>(['platform', 'create', 'ap-south']);
    await stack.easelJson(['create', 'left-behind', '--platform', 'ap-south']);
    const page = await browser.open(`/platform/${lost.id}`);
    const dialog = page.getByRole('alertdialog', { name: 'Remove the platform ap-south?' });
    const remove = dialog.getByRole('button', { name: 'Remove' });
    await page.getByRole('button', { name: 'Remove…' }).click();
    await remove.click();
    await page.getByText(/remove it with force if its cluster is gone for good/).waitFor();
    await page.getByRole('button', { name: 'Remove…' }).click();
    await dialog.getByRole('checkbox', { name: /gone for good/ }).check();
    expect(await findAccessibilityFaults(page)).toEqual([]);
    await remove.click();
    await page.getByText('Platform ap-south removed').waitFor();
    const left = await stack.easelJson<{ name: string }[]>(['list']);
    expect(left.map(({ name }) => name)).not.toContain('left-behind');
  });

  async function settingsVersion(): Promise<number> {
    const { platforms } = await stack.api.query<{ platforms: { name: string; settingsVersion: number }[] }>(
      '{ platforms { name settingsVersion } }',
    );
    return platforms.find(({ name }) => name === 'eu-west')?.settingsVersion ?? -1;
  }

  it('had nothing to complain about in the browser', () => {
    expect(browser.complaints).toEqual([]);
  });
});
