/** The command as a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FAKE_TOKEN, type FakeApi, startFakeApi } from './testing/fake-api.ts';

// Other suites share the machine.
vi.setConfig({ testTimeout: 30_000 });

const program = fileURLToPath(new URL('../bin/easel.mjs', import.meta.url));
let api: FakeApi;
let home: string;
beforeEach(async () => {
  api = await startFakeApi();
  home = mkdtempSync(join(tmpdir(), 'easel-process-'));
});
afterEach(async () => {
  await api.stop();
  rmSync(home, { recursive: true });
});

function start(words: readonly string[], node = process.execPath) {
  const env = { PATH: process.env.PATH, HOME: home, EASEL_URL: api.url, EASEL_TOKEN: FAKE_TOKEN };
  const child = spawn(node, [program, ...words], { env });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (said.stderr += text));
  return { child, said };
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close');
  return code;
}

it('exits with the code of its run', async () => {
  api.add({ name: 'shop' });
  const shown = start(['show', 'shop', '--json']);
  expect(await codeOf(shown.child)).toBe(0);
  expect(JSON.parse(shown.said.stdout)).toMatchObject({ name: 'shop' });
  expect(await codeOf(start(['show', 'nobody']).child)).toBe(1);
  expect(await codeOf(start(['bogus']).child)).toBe(2);
});

it('ends quietly when its reader has seen enough', async () => {
  for (let number = 0; number < 100; number++) api.add({ name: `box-${number}` });
  const { child, said } = start(['list', '--json']);
  child.stdout.destroy();
  expect(await codeOf(child)).toBe(0);
  expect(said.stderr).toBe('');
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('leaves the environment as it is at %s', async (signal, code) => {
  const { child, said } = start(['create', 'shop', '--wait']);
  await expect.poll(() => api.watched, { timeout: 15_000 }).toBe(1);
  child.kill(signal);
  expect(await codeOf(child)).toBe(code);
  expect(said.stderr).toContain('shop is queued and goes on without you');
});

describe.skipIf(!oldNode())('on an old Node.js', () => {
  it('starts itself again on the one that npm installed', async () => {
    api.add({ name: 'shop' });
    const { child, said } = start(['list', '--json'], oldNode());
    expect(await codeOf(child)).toBe(0);
    expect(JSON.parse(said.stdout)).toHaveLength(1);
    expect(await codeOf(start(['bogus'], oldNode()).child)).toBe(2);
  });

  it('hands signals on', async () => {
    const { child } = start(['create', 'shop', '--wait'], oldNode());
    await expect.poll(() => api.watched, { timeout: 15_000 }).toBe(1);
    child.kill('SIGTERM');
    expect(await codeOf(child)).toBe(143);
  });
});

/** A Node.js of this machine that is too old for the sources. */
function oldNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders
    .map((folder) => join(folder, 'node'))
    .filter((path) => existsSync(path))
    .find((path) => Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]) < 24);
}
