import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRepository } from '../../test/start-worker.ts';
import { cloneProgress, runGit } from './git.ts';
import { translateGitError } from './git-errors.ts';

test('progress of a clone grows over its phases', () => {
  expect(cloneProgress('remote: Counting objects:  50% (5/10)')).toEqual({
    fraction: 0.01,
    text: 'Counting objects: 50 %',
  });
  expect(cloneProgress('Receiving objects:   0% (0/10)')?.fraction).toBe(0.05);
  expect(cloneProgress('Resolving deltas: 100% (7/7), done.')?.fraction).toBeCloseTo(0.9);
  expect(cloneProgress('Updating files: 100% (7/7)')?.fraction).toBe(1);
  expect(cloneProgress('Filtering content: 50% (1/2)')).toEqual({ fraction: null, text: 'Filtering content: 50 %' });
  expect(cloneProgress("Cloning into 'shop'...")).toBeNull();
});

test.each([
  ['fatal: Remote branch nope not found in upstream origin', 'sources', 'no branch or tag nope'],
  ["fatal: unable to access 'x': Could not resolve host: x", 'sources', 'is not known'],
  ["fatal: unable to access 'x': Failed to connect to x port 443: Connection refused", 'sources', 'does not answer'],
  ["fatal: could not read Username for 'https://x': terminal prompts disabled", 'sources', 'asks for credentials'],
  ['git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'sources', 'credentials'],
  ["fatal: unable to access 'x': The requested URL returned error: 403", 'sources', 'asks for credentials'],
  ["fatal: repository 'https://x/a/' not found", 'sources', 'There is no Git repository'],
  ["fatal: '/a' does not appear to be a git repository", 'sources', 'There is no Git repository'],
  ['fatal: write error: No space left on device', 'disk_full', 'became full'],
  ['server certificate verification failed. CAfile: none', 'sources', 'TLS certificate'],
  ['error: RPC failed; curl 56 Recv failure\nfatal: early EOF', 'sources', 'broke while'],
  ['fatal: something that nobody has seen before', 'sources', 'something that nobody has seen before'],
])('%s', (said, failureClass, part) => {
  const failure = translateGitError(said, 'https://x/a', 'nope');
  expect(failure.class).toBe(failureClass);
  expect(failure.message).toContain(part);
  expect(failure.step).toBe('sources');
});

describe('git itself', () => {
  const dir = mkdtempSync(join(tmpdir(), 'easel-git-'));
  let url: string;
  beforeAll(() => {
    url = makeRepository(dir, 'a', { file: 'text\n' });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const options = (signal = new AbortController().signal) => ({
    cwd: dir,
    configFile: '/dev/null',
    machineEnv: { PATH: process.env.PATH ?? '' },
    signal,
    onLine: () => undefined,
  });

  test('clones with no configuration of the user or the machine', async () => {
    const config = join(dir, 'gitconfig');
    writeFileSync(config, `[safe]\n\tdirectory = ${join(dir, 'a.git')}\n`);
    const run = await runGit(['clone', '--', url, 'clone'], { ...options(), configFile: config });
    expect(run).toMatchObject({ exitCode: 0, signal: null });
    expect(readFileSync(join(dir, 'clone/file'), 'utf8')).toBe('text\n');
  });

  test('runs no helper of a transport, however it is asked for', async () => {
    for (const source of [`ext::touch ${dir}/owned`, 'fd::17/x', 'git://localhost/a']) {
      const run = await runGit(['clone', '--', source, 'hostile'], options());
      expect(run.exitCode).not.toBe(0);
      expect(run.said).toMatch(/not allowed/);
    }
  });

  test('takes what looks like an option for a repository', async () => {
    const run = await runGit(['clone', '--', `--upload-pack=touch ${dir}/owned`, 'hostile'], options());
    expect(run.exitCode).not.toBe(0);
  });

  test('is killed with all that it started', async () => {
    const stop = new AbortController();
    const running = runGit(['-c', 'alias.nap=!sleep 1000', 'nap'], options(stop.signal));
    setTimeout(() => stop.abort(new Error('enough')), 100);
    await expect(running).rejects.toThrow('enough');
  });
});
