import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepSampleRepository } from './repository.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'easel-sample-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const git = (...args: string[]) => execFileSync('git', args, { cwd: dataDir, encoding: 'utf8' }).trim();

test('the sample can be cloned by its file URL, and its scripts run', () => {
  const url = keepSampleRepository(dataDir);
  expect(url).toBe(`file://${dataDir}/sample/hello-easel.git`);
  git('clone', '--quiet', url, 'clone');
  const clone = join(dataDir, 'clone');
  const out = execFileSync('sh', ['scripts/init.sh'], { cwd: clone, encoding: 'utf8' });
  expect(out).toBe('The first note is written.\n');
  expect(execFileSync('git', ['status', '--porcelain'], { cwd: clone, encoding: 'utf8' })).toBe('');
});

test('it is made once, and what people pushed to it stays', () => {
  const url = keepSampleRepository(dataDir);
  git('clone', '--quiet', url, 'clone');
  const commit = ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--allow-empty', '-m', 'mine'];
  git('-C', 'clone', ...commit);
  git('-C', 'clone', 'push', '--quiet');
  keepSampleRepository(dataDir);
  expect(git('-C', join(dataDir, 'sample/hello-easel.git'), 'log', '--format=%s', 'main')).toBe('mine\nSay hello');
  expect(readdirSync(join(dataDir, 'sample'))).toEqual(['hello-easel.git']);
});

test('the same project is the same commit everywhere', () => {
  keepSampleRepository(dataDir);
  const first = git('-C', join(dataDir, 'sample/hello-easel.git'), 'rev-parse', 'main');
  rmSync(join(dataDir, 'sample'), { recursive: true });
  keepSampleRepository(dataDir);
  expect(git('-C', join(dataDir, 'sample/hello-easel.git'), 'rev-parse', 'main')).toBe(first);
  expect(existsSync(join(dataDir, 'sample/hello-easel.git/HEAD'))).toBe(true);
});
