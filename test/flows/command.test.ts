/** The `easel` command against the whole product: ways in, logs, refusals, what is kept between runs. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { eventually, type Ran, runProgram, type Stack, startStack } from '../kit/stack.ts';

const root = new URL('../..', import.meta.url).pathname;

describeWith(['git', 'openssh client', 'built web'], 'the command', () => {
  let stack: Stack;
  let home: string;
  let easel: (words: readonly string[], input?: string) => Promise<Ran>;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    home = join(stack.scratchDir, 'person');
    execFileSync('mkdir', ['-p', '-m', '700', join(home, '.ssh')]);
    // Found by its own place, so that folders and identities are this person's alone.
    const env = { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), SSH_AUTH_SOCK: '' };
    easel = (words, input) => stack.easel(words, { env, ...(input === undefined ? {} : { input }) });
    const repository = makeRepository(join(stack.scratchDir, 'repository'));
    await stack.easelJson(['create', 'box', '--git', repository, '--wait']);
  });
  afterAll(async () => {
    await stack?.stop();
  });

  it('lets its person in who has uploaded no key', async () => {
    expect(await easel(['ssh', 'box', '--', 'exit 7'])).toMatchObject({ code: 7 });
  });

  it('uploads a public key, and takes no private one', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, '.ssh/id_ed25519')]);
    expect(await easel(['ssh-key', 'add', join(home, '.ssh/id_ed25519')])).toMatchObject({ code: 2 });
    expect(await easel(['ssh-key', 'add', join(home, '.ssh/id_ed25519.pub')])).toMatchObject({ code: 0 });
  });

  it('runs commands with their exit code, their streams and their input', async () => {
    const ran = await easel(['ssh', 'box', '--', 'cat; echo wrong >&2; exit 42'], 'what came in');
    expect(ran).toMatchObject({ code: 42, stdout: 'what came in' });
    expect(ran.stderr).toContain('wrong\n');
    // The host keys are the ones that the API names; nothing is believed at first sight.
    const keys = join(home, '.config/easel/host-keys', `${stack.sshHost}_${stack.sshPort}`);
    expect(readFileSync(keys, 'utf8')).toContain('ssh-ed25519');
    expect(existsSync(join(home, '.config/easel/known_hosts'))).toBe(false);
  });

  it('is a ProxyCommand for an SSH that is encrypted end to end', async () => {
    const proxy = `env EASEL_URL=${stack.url} EASEL_TOKEN=${stack.token} npx --no-install easel connect box --stdio --ssh`;
    const options = ['IdentitiesOnly=yes', 'StrictHostKeyChecking=accept-new', `ProxyCommand=${proxy}`];
    const known = `UserKnownHostsFile=${join(home, 'end_to_end')}`;
    const words = [...options, known].flatMap((option) => ['-o', option]);
    const identity = join(home, '.ssh/id_ed25519');
    const ran = await runProgram(
      'ssh',
      ['-F', 'none', '-i', identity, ...words, 'box.easel', 'echo $EASEL_ENVIRONMENT; exit 3'],
      {
        cwd: root,
        env: { SSH_AUTH_SOCK: '' },
      },
    );
    expect(ran, ran.stderr).toMatchObject({ code: 3, stdout: 'box\n' });
    const { access } = await stack.easelJson<{ access: { hostKeyFingerprint: string } }>(['show', 'box']);
    const seen = execFileSync('ssh-keygen', ['-l', '-f', join(home, 'end_to_end')], { encoding: 'utf8' });
    expect(seen).toContain(access.hostKeyFingerprint);
  });

  it('writes a configuration with which ssh finds the environment by its name', async () => {
    expect(await easel(['ssh-config', '--install'])).toMatchObject({ code: 0 });
    const ran = await runProgram(
      'ssh',
      ['-F', join(home, '.ssh/easel_config'), '-i', join(home, '.ssh/id_ed25519'), 'box.easel', 'pwd'],
      {
        env: { SSH_AUTH_SOCK: '' },
      },
    );
    expect(ran.code, ran.stderr).toBe(0);
  });

  it('ties a port to standard input and output', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      socket.on('data', (data) => socket.write(data)).on('end', () => socket.end('!')),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    try {
      const ran = await easel(['connect', 'box', '--port', String(port), '--stdio'], 'hello');
      expect(ran).toMatchObject({ code: 0, stdout: 'hello!' });
      const taken = await easel(['forward', 'box', `${port}:80`, '--json']);
      expect(taken.code).toBe(1);
      expect(JSON.parse(taken.stderr)).toMatchObject({ code: 'PORT_TAKEN' });
    } finally {
      server.close();
    }
  });

  it('says that the environment has no IDE port', async () => {
    const ran = await easel(['connect', 'box', '--json']);
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stderr)).toMatchObject({ code: 'NO_IDE_PORT' });
  });

  it('keeps a token between runs, for its address alone', async () => {
    const nobody = { EASEL_URL: '', EASEL_TOKEN: '', XDG_CONFIG_HOME: join(home, 'signed-in') };
    const at = (words: readonly string[], input = '') => stack.easel(words, { env: nobody, input });
    expect(await at(['list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('not signed in') });
    expect((await at(['sign-in', stack.url, '--token-file', '-'], stack.token)).code).toBe(0);
    expect((await at(['whoami'])).stdout).toContain('admin');
    const created = JSON.parse((await at(['token', 'create', 'script', '--json'])).stdout) as {
      token: string;
      id: string;
    };
    const withIt = { env: { ...nobody, EASEL_TOKEN: created.token, EASEL_URL: stack.url } };
    expect((await stack.easel(['whoami'], withIt)).code).toBe(0);
    expect((await at(['token', 'revoke', created.id])).code).toBe(0);
    await eventually(async () => (await stack.easel(['whoami'], withIt)).code === 1, 65_000, 'the revocation');
    expect((await at(['sign-out'])).code).toBe(0);
    expect((await at(['list'])).code).toBe(1);
    rmSync(join(home, 'signed-in'), { recursive: true });
  });

  it('follows the log over a restart of the server, without losing or doubling a line', async () => {
    const child = spawn('npx', ['--no-install', 'easel', 'logs', 'box', '-f', '--json'], {
      cwd: root,
      env: { ...process.env, EASEL_URL: stack.url, EASEL_TOKEN: stack.token },
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more) => {
      text += more;
    });
    const closed = once(child, 'close');
    await eventually(() => text.includes('\n'), 30_000, 'the first line');
    for (const { identity } of stack.processesOf('server/src/main.ts')) process.kill(identity.pid, 'SIGKILL');
    await eventually(async () => (await easel(['stop', 'box', '--wait'])).code === 0, 60_000, 'the stop');
    expect((await closed)[0]).toBe(0);
    const cursors = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { cursor: string }).cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    const whole = (await easel(['logs', 'box', '--json'])).stdout.trim().split('\n');
    expect(cursors).toEqual(whole.map((line) => (JSON.parse(line) as { cursor: string }).cursor));
  });
});
