/** Whole runs of the commands for platforms, instance types, snapshots and disks, as in run.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runAt } from './testing/a-run.ts';
import { type FakeApi, startFakeApi } from './testing/fake-api.ts';

// Other suites share the machine.
vi.setConfig({ testTimeout: 30_000 });
const GIB = 1024 ** 3;

let api: FakeApi;
let home: string;
beforeEach(async () => {
  api = await startFakeApi();
  home = mkdtempSync(join(tmpdir(), 'easel-clusters-'));
  api.add({ name: 'shop' });
});
afterEach(async () => {
  await api.stop();
  rmSync(home, { recursive: true });
});

const easel = (words: readonly string[], input = '') => runAt(api, words, { home, input });

const argsOf = (field: string) => api.calls.find((call) => call.field === field)?.args;

it('a platform is made, and its token alone stands on the standard output', async () => {
  const made = await easel(['platform', 'create', 'us-east']);
  expect(made).toMatchObject({ code: 0, stdout: 'easel_platform_new\n' });
  expect(made.stderr).toContain('shown this once');
  const json = JSON.parse((await easel(['platform', 'rotate-token', 'us-east', '--json'])).stdout);
  expect(json).toMatchObject({ token: 'easel_platform_rotated', name: 'us-east' });
});

it('a platform is drained, taken up again and removed by its name', async () => {
  expect((await easel(['platform', 'drain', 'eu-west'])).stdout).toContain('starts nothing new');
  expect((await easel(['platform', 'list'])).stdout).toContain('drained');
  expect((await easel(['platform', 'undrain', 'eu-west'])).stdout).toContain('takes new environments again');
  const { code, stderr } = await easel(['platform', 'list']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'eu-west: it may not list nodes\n' });
  api.refusals.set('removePlatform', {
    __typename: 'WrongState',
    code: 'WRONG_STATE',
    message: 'the computing platform "eu-west" still has 1 environment: delete them first',
    details: {},
  });
  expect(await easel(['platform', 'remove', 'eu-west'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('still has 1 environment'),
  });
  expect((await easel(['platform', 'remove', 'nowhere'])).code).toBe(1);
  expect(argsOf('removePlatform')).toMatchObject({ force: false });
  api.refusals.delete('removePlatform');
  expect((await easel(['platform', 'remove', 'eu-west', '--force'])).code).toBe(0);
  expect(api.calls.at(-1)).toMatchObject({ field: 'removePlatform', args: { force: true } });
});

it('an instance type is made of a file, with sizes as people write them', async () => {
  const file = 'name: large\ncpus: 8\nmemoryBytes: 16GiB\ndiskBytes: 107374182400\n';
  expect((await easel(['instance-type', 'create', '-f', '-'], file)).code).toBe(0);
  expect(argsOf('createInstanceType')?.input).toEqual({
    name: 'large',
    cpus: 8,
    memoryBytes: 16 * GIB,
    diskBytes: 100 * GIB,
  });
  const wrong = await easel(['instance-type', 'create', '-f', '-'], 'name: A\nmemoryBytes: much\nbogus: 1');
  expect(wrong.code).toBe(2);
  for (const part of ['name:', 'memoryBytes:', 'bogus']) expect(wrong.stderr).toContain(part);
  expect((await easel(['instance-type', 'list'])).stdout).toContain('4.0 GiB');
  expect((await easel(['instance-type', 'delete', 'small'])).stdout).toContain('small is gone');
});

it('an environment is created of a type, on a platform, from a snapshot by its name', async () => {
  const words = [
    'create',
    'shop-2',
    '--snapshot',
    'before-upgrade',
    '--instance-type',
    'large',
    '--platform',
    'eu-west',
  ];
  expect((await easel(words)).code).toBe(0);
  expect(argsOf('createEnvironment')?.input).toMatchObject({
    snapshot: 'snp01jdc000000000000000000000',
    instanceType: 'large',
    platform: 'eu-west',
  });
});

it('a snapshot is taken, listed and deleted', async () => {
  const taken = await easel(['snapshot', 'create', 'shop', '--name', 'now']);
  expect(taken).toMatchObject({ code: 0, stdout: 'snp01jdc000000000000000000000\n' });
  expect(argsOf('snapshotEnvironment')?.input).toMatchObject({ name: 'now' });
  expect((await easel(['snapshot', 'list', 'shop'])).stdout).toMatch(/before-upgrade +shop +ready +20\.0 GiB/);
  expect(JSON.parse((await easel(['snapshot', 'list', 'other', '--json'])).stdout)).toEqual([]);
  expect((await easel(['snapshot', 'delete', 'before-upgrade'])).stdout).toContain('is being deleted');
});

it('a snapshot is waited for until it is ready, with what holds it up', async () => {
  api.snapshotNews.push({ state: 'taking', reason: 'the storage is at work' });
  const { code, stdout, stderr } = await easel(['snapshot', 'create', 'shop', '--name', 'now', '--wait', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ state: 'ready' });
  expect(stderr).toBe('');
  api.snapshotNews.push({ state: 'taking', reason: 'the storage is at work' });
  const told = await easel(['snapshot', 'create', 'shop', '--wait']);
  expect(told).toMatchObject({ code: 0, stdout: 'snp01jdc000000000000000000000\n' });
  expect(told.stderr).toContain('is waiting');
  expect(told.stderr).toContain('is taking: the storage is at work');
});

it('a snapshot that fails, is deleted meanwhile or takes too long ends the wait', async () => {
  const failure = { class: 'volume', message: 'the driver refused', advice: 'ask an administrator' };
  api.snapshotNews.push({ state: 'failed', failure });
  const failed = await easel(['snapshot', 'create', 'shop', '--wait']);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('failed (volume): the driver refused');
  expect(failed.stderr).toContain('ask an administrator');
  api.snapshotNews.push({ id: 'snp01jdc000000000000000000001' });
  const gone = await easel(['snapshot', 'create', 'shop', '--wait']);
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('was deleted meanwhile') });
  api.snapshotNews.push(...Array.from({ length: 9 }, () => ({ state: 'taking' })));
  const late = await easel(['snapshot', 'create', 'shop', '--wait', '--timeout', '1']);
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('is taking, not ready, after 1') });
});

it('a disk grows to a size, and a wrong one is bad usage', async () => {
  expect((await easel(['disk', 'grow', 'shop', '40GiB'])).stdout).toBe('the disk of shop grows to 40.0 GiB\n');
  expect(argsOf('growEnvironmentDisk')?.input).toMatchObject({ diskBytes: 40 * GIB });
  expect(await easel(['disk', 'grow', 'shop', 'much'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Expected a size like 40GiB.'),
  });
});

it('completion offers platforms, instance types, snapshots and the commands', async () => {
  const offered = async (...words: string[]) => (await easel(['complete', '--', ...words])).stdout.trim().split('\n');
  expect(await offered('platform', 'drain', '')).toEqual(['eu-west']);
  expect(await offered('create', 'x', '--instance-type', '')).toEqual(['small']);
  expect(await offered('snapshot', 'delete', '')).toEqual(['snp01jdc000000000000000000000']);
  expect(await offered('disk', '')).toEqual(['grow', 'help']);
});
