/** Into an image that has a shell and nothing else: what people's programs call over there comes from the pack. */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { makeImage, removeImage } from '../../test/images.ts';
import { type ListeningSsh, listenSsh } from '../../test/listen-ssh.ts';
import { startInContainer, testPack } from '../../test/start-inside.ts';
import type { Inside } from '../inside/client.ts';

const image = `easel-test/busybox-ssh:${process.pid}`;
const data = randomBytes(3_000_000);

describeWith(['docker', 'static busybox', 'openssh client', 'rsync', 'git'], 'a busybox image', () => {
  let container: string;
  let folder: string;
  let inside: Inside;
  let ssh: ListeningSsh;
  beforeAll(async () => {
    makeImage({ name: image });
    folder = mkdtempSync(join(tmpdir(), 'easel-bb-'));
    mkdirSync(join(folder, 'run'));
    mkdirSync(join(folder, 'home'), { mode: 0o777 });
    execFileSync('chmod', ['777', join(folder, 'home')]);
    const mounts = [
      `${realpathSync(await testPack())}:/.easel:ro`,
      `${join(folder, 'run')}:/.easel-run`,
      `${join(folder, 'home')}:/home/dev`,
    ];
    const flags = ['run', '-d', '--rm', '-e', 'HOME=/home/dev', ...mounts.flatMap((mount) => ['-v', mount])];
    container = execFileSync('docker', [...flags, image, 'sleep', '1000'], { encoding: 'utf8' }).trim();
    // A user that no file of the image knows.
    inside = await startInContainer(container, join(folder, 'run'), '1234:1234');
    ssh = await listenSsh({ inside });
    writeFileSync(join(folder, 'file'), data);
  }, 60_000);
  afterAll(async () => {
    await ssh?.[Symbol.asyncDispose]();
    await inside?.close();
    if (container) execFileSync('docker', ['rm', '-f', container], { stdio: 'ignore' });
    removeImage(image);
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (program: string, args: string[]) =>
    new Promise<string>((resolve, reject) => {
      const env = { ...process.env, GIT_SSH_COMMAND: shell(), GIT_CONFIG_GLOBAL: '/dev/null' };
      execFile(program, args, { cwd: folder, env }, (err, stdout, stderr) => {
        if (err) reject(new Error(`${program} failed: ${stderr}`, { cause: err }));
        else resolve(stdout);
      });
    });
  const shell = () => ['ssh', ...ssh.options, '-p', String(ssh.port)].join(' ');
  const exec = (command: string) => run('ssh', [...ssh.options, '-p', String(ssh.port), 'x@127.0.0.1', command]);
  const back = () => readFileSync(join(folder, 'back')).equals(data);

  it('takes a user that it does not know', async () => {
    expect(inside.identity).toEqual({ user: '1234', uid: 1234, gid: 1234, home: '/home/dev', shell: '/bin/sh' });
    expect(await exec('id -u; pwd')).toBe('1234\n/home/dev\n');
  });

  it('copies with both protocols of scp', async () => {
    for (const protocol of ['-s', '-O']) {
      const flags = [protocol, '-q', ...ssh.options, '-P', String(ssh.port)];
      await run('scp', [...flags, 'file', 'x@127.0.0.1:there']);
      await run('scp', [...flags, 'x@127.0.0.1:there', 'back']);
      expect(back()).toBe(true);
    }
  }, 30_000);

  it('copies with rsync', async () => {
    await run('rsync', ['-e', shell(), 'file', 'x@127.0.0.1:again']);
    await run('rsync', ['-e', shell(), 'x@127.0.0.1:again', 'back']);
    expect(back()).toBe(true);
  }, 30_000);

  it('is pushed to and cloned from with git', async () => {
    await exec('git init -q --bare r.git');
    await run('git', ['init', '-q', 'mine']);
    writeFileSync(join(folder, 'mine/text'), 'text');
    await run('git', ['-C', 'mine', 'add', '.']);
    await run('git', ['-C', 'mine', '-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '-qm', 'first']);
    await run('git', ['-C', 'mine', 'push', '-q', 'ssh://x@127.0.0.1/home/dev/r.git', 'HEAD:refs/heads/main']);
    await run('git', ['clone', '-q', '-b', 'main', 'ssh://x@127.0.0.1/home/dev/r.git', 'clone']);
    expect(readFileSync(join(folder, 'clone/text'), 'utf8')).toBe('text');
  }, 30_000);

  it('has a terminal of the size and modes that were asked for', async () => {
    const process = await inside.spawn({
      argv: ['sh', '-c', 'stty size; stty -a; exit 6'],
      cwd: '/',
      env: {},
      pty: { term: 'xterm', columns: 91, rows: 31, modes: { VERASE: 8, ECHO: 0 } },
    });
    let output = '';
    for await (const chunk of process.stdout) output += chunk;
    expect(output).toContain('31 91');
    expect(output).toContain('erase = ^H');
    expect((await process.exit).code).toBe(6);
  });
});
