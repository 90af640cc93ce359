/** Flow (c) without an uploaded key: the command gets a certificate, and OpenSSH enters by it, directly and end to end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { sshStranger } from '../kit/ssh.ts';
import { runProgram, type Stack, startStack } from '../kit/stack.ts';

describeWith(['git', 'openssh client', 'built web'], 'ssh by certificate', () => {
  let stack: Stack;
  let files: { keyFile: string; certificateFile: string; keyId: string };
  let identity: string[];
  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    const repository = makeRepository(join(stack.scratchDir, 'repository'));
    await stack.easelJson(['create', 'box', '--git', repository, '--wait']);
    files = await stack.easelJson(['ssh-cert']);
    identity = ['-i', files.keyFile, '-o', `CertificateFile=${files.certificateFile}`];
  });
  afterAll(async () => {
    await stack?.stop();
  });

  const options = () => [
    ...['-F', 'none', ...identity, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
    ...['-o', `UserKnownHostsFile=${join(stack.scratchDir, 'known')}`, '-o', 'StrictHostKeyChecking=accept-new'],
  ];
  const direct = (...command: string[]) =>
    runProgram('ssh', ['-p', `${stack.sshPort}`, ...options(), `box@${stack.sshHost}`, ...command]);

  it('lets in who has uploaded no key, by what ssh-keygen shows as a certificate of minutes', async () => {
    expect(await stack.easelJson(['ssh-key', 'list'])).toEqual([]);
    const shown = await runProgram('ssh-keygen', ['-Lf', files.certificateFile]);
    expect(shown.stdout).toMatch(/ssh-ed25519-cert-v01@openssh\.com user certificate[\s\S]*Signing CA: ED25519/);
    expect(await direct('echo in; exit 7')).toEqual({ code: 7, stdout: 'in\n', stderr: '' });
    const again = await stack.easelJson<{ keyId: string }>(['ssh-cert']);
    expect(again.keyId).toBe(files.keyId);
  });

  it('leads end to end through the jump, where the environment itself checks it', async () => {
    const proxy = ['ssh', '-p', stack.sshPort, ...options(), '-W', '%h:%p', `box@${stack.sshHost}`].join(' ');
    const ran = await runProgram('ssh', [
      ...options(),
      '-o',
      `ProxyCommand=${proxy}`,
      'box',
      'echo end to end; exit 3',
    ]);
    expect(ran).toMatchObject({ code: 3, stdout: 'end to end\n' });
  });

  it('is what `easel ssh` uses, and `ssh NAME.easel` by itself', async () => {
    expect(await stack.easel(['ssh', 'box', '--', 'echo', 'by the command'])).toMatchObject({
      code: 0,
      stdout: 'by the command\n',
    });
    const home = join(stack.scratchDir, 'home');
    mkdirSync(home);
    const config = join(stack.scratchDir, 'config');
    const { stdout } = await stack.easel(['ssh-config']);
    writeFileSync(config, stdout);
    const ran = await runProgram('ssh', ['-F', config, '-o', 'BatchMode=yes', 'box.easel', 'echo plain'], {
      env: { HOME: home, EASEL_TOKEN: stack.token, XDG_CONFIG_HOME: stack.scratchDir },
    });
    expect(ran).toMatchObject({ code: 0, stdout: 'plain\n' });
  });

  it('opens nothing without its key, and nothing for a stranger', async () => {
    const stranger = sshStranger(stack, 'stranger');
    const args = ['-p', `${stack.sshPort}`, '-o', `CertificateFile=${files.certificateFile}`, ...stranger.options];
    expect(await runProgram('ssh', [...args, `box@${stack.sshHost}`, 'true'])).toMatchObject({ code: 255 });
  });

  it('is cut within two seconds when the token that asked for it is revoked', async () => {
    const made = await stack.easelJson<{ token: string; id: string }>(['token', 'create', 'short']);
    const env = { EASEL_TOKEN: made.token, XDG_CONFIG_HOME: join(stack.scratchDir, 'other') };
    const { stdout } = await stack.easel(['ssh-cert', '--json'], { env });
    const own = JSON.parse(stdout) as typeof files;
    const before = identity;
    identity = ['-i', own.keyFile, '-o', `CertificateFile=${own.certificateFile}`];
    const args = ['-p', `${stack.sshPort}`, ...options(), `box@${stack.sshHost}`, 'echo begun; sleep 60'];
    const child = spawn('ssh', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    const ended = once(child, 'exit');
    await stack.easelJson(['token', 'revoke', made.id]);
    const revokedAt = performance.now();
    await ended;
    expect(performance.now() - revokedAt).toBeLessThan(2_000);
    expect(await direct('true')).toMatchObject({ code: 255 });
    identity = before;
  });
});
