/** What cannot work fails with a class, a message and what to do; nothing is orphaned, and it can be deleted. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type EnvironmentJson, type Stack, startStack } from '../kit/stack.ts';

describeWith(['git', 'built web'], 'bad input', () => {
  let stack: Stack;
  let repository: string;
  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    repository = makeRepository(join(stack.scratchDir, 'repository'));
  });
  afterAll(async () => {
    const all = await stack.easelJson<EnvironmentJson[]>(['list']);
    for (const { name } of all) await stack.easel(['delete', name, '--force', '--wait']);
    expect(stack.processesOf('worker-agent/src/main.ts')).toEqual([]);
    await stack?.stop();
  });

  it.each([
    ['no-repository', ['--git', 'file:///nowhere/at-all.git'], 'sources'],
    ['no-host', ['--git', 'https://no-such-host.invalid/a.git'], 'sources'],
    ['no-answer', ['--git', 'http://127.0.0.1:9/a.git'], 'sources'],
  ])('%s fails in the step sources', async (name, words, expected) => {
    await expectFailure(name, words, expected, 'sources');
  });

  it('a branch that is missing fails in the step sources and names it', async () => {
    const failed = await expectFailure(
      'no-branch',
      ['--git', repository, '--branch', 'not-there'],
      'sources',
      'sources',
    );
    expect(failed.failure?.message).toContain('not-there');
  });

  it('a script that fails says its exit code; retry after the repair works', async () => {
    await template('broken-script', { scripts: { start: { run: 'test -e ~/repaired || exit 9' } } });
    const failed = await expectFailure('script-fails', ['--template', 'broken-script'], 'script', 'hooks');
    expect(failed.failure?.exitCode).toBe(9);
    writeFileSync(join(stack.dataDir, 'local/volumes', failed.id, 'home/repaired'), '');
    expect((await stack.easelJson(['start', 'script-fails', '--wait'])).phase).toBe('running');
  });

  it('a script that hangs is ended after its limit', async () => {
    await template('hanging-script', { scripts: { start: { run: 'sleep 1000', timeoutSeconds: 2 } } });
    await expectFailure('script-hangs', ['--template', 'hanging-script'], 'timed_out', 'hooks');
  });

  it.each(['Robert"); DROP TABLE', '../../etc', '-rf', 'a b', 'ä', 'x'.repeat(41), '$(id)'])(
    'refuses the name %j as bad usage',
    async (name) => {
      const ran = await stack.easel(['create', '--git', repository, '--', name]);
      expect(ran.code).toBe(2);
      expect(ran.stderr).toMatch(/name/);
    },
  );

  it.each(['ext::sh -c id', '--upload-pack=id', 'javascript:alert(1)'])('refuses the repository %j', async (url) => {
    const ran = await stack.easel(['create', 'hostile', `--git=${url}`]);
    expect(ran.code).toBe(2);
  });

  it('refuses a name that is taken', async () => {
    await stack.easelJson(['create', 'taken', '--git', repository]);
    const ran = await stack.easel(['create', 'taken', '--git', repository]);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/taken/);
  });

  async function template(name: string, fields: Record<string, unknown>): Promise<void> {
    const input = JSON.stringify({ name, repository: { url: repository }, ...fields });
    await stack.easelJson(['template', 'create', '--file', '-'], { input });
  }

  async function expectFailure(
    name: string,
    words: readonly string[],
    failureClass: string,
    step: string,
  ): Promise<EnvironmentJson> {
    const ran = await stack.easel(['create', name, ...words, '--wait']);
    expect(ran.code, ran.stdout).toBe(1);
    const shown = await stack.easelJson(['show', name]);
    expect(shown.phase).toBe('failed');
    expect(shown.failure).toMatchObject({ class: failureClass, step });
    expect(shown.failure?.advice).not.toBe('');
    expect(ran.stderr).toContain(shown.failure?.message);
    return shown;
  }
});

describeWith(['git', 'docker', 'built web'], 'an image that cannot be pulled', () => {
  it('fails in the step image with the registry and its reason', async () => {
    const stack = await startStack({ runtime: 'docker' });
    try {
      const repository = makeRepository(join(stack.scratchDir, 'repository'));
      const ran = await stack.easel([
        'create',
        'no-image',
        '--git',
        repository,
        '--image',
        '127.0.0.1:9/nobody/nothing:1',
        '--wait',
      ]);
      expect(ran.code).toBe(1);
      const { failure } = await stack.easelJson(['show', 'no-image']);
      expect(failure).toMatchObject({ class: 'image', step: 'image' });
      expect(failure?.message).toContain('127.0.0.1:9');
    } finally {
      await stack.stop();
    }
  });
});

describeWith(['git', 'built web'], 'a full disk', () => {
  it('fails with disk_full, and goes on when there is room', async () => {
    const stack = await startStack({ runtime: 'process' });
    const volumes = join(stack.dataDir, 'local/volumes');
    mkdirSync(volumes, { recursive: true });
    const big = makeRepository(join(stack.scratchDir, 'big'), {
      'big.txt': `${'x'.repeat(1023)}\n`.repeat(24_000).replace(/x/g, () => Math.random().toString(36)[2] ?? 'x'),
    });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=0755', 'tmpfs', volumes]);
    chmodSync(volumes, 0o755);
    try {
      const ran = await stack.easel(['create', 'full', '--git', big, '--wait']);
      expect(ran.code).toBe(1);
      expect((await stack.easelJson(['show', 'full'])).failure).toMatchObject({ class: 'disk_full' });
      execFileSync('mount', ['-o', 'remount,size=200m', volumes]);
      expect((await stack.easelJson(['start', 'full', '--wait'])).phase).toBe('running');
      expect((await stack.easel(['delete', 'full', '--force', '--wait'])).code).toBe(0);
    } finally {
      execFileSync('umount', ['-l', volumes]);
      await stack.stop();
    }
  });
});
