/** Flow (c): what people do over SSH, with the programs that they have. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type SshUser, sshStranger, sshUser } from '../kit/ssh.ts';
import { eventually, freePorts, runProgram, type Stack, startStack } from '../kit/stack.ts';

describeWith(['git', 'openssh client', 'rsync', 'built web'], 'ssh into the process runtime', () => ways('process'));
describeWith(
  ['git', 'openssh client', 'rsync', 'docker', 'static busybox', 'built web'],
  'ssh into an unmodified busybox image',
  () => ways('docker'),
);

/** An image with nothing but busybox. Made here, since nothing can be pulled. */
function busyboxImage(): string {
  const name = 'easel-test/busybox:1';
  execFileSync('sh', [
    '-c',
    `d=$(mktemp -d) && mkdir -p $d/bin $d/tmp $d/root $d/etc && cp "$(command -v busybox)" $d/bin/busybox &&
     for a in sh ls cat echo sleep id mkdir rm mv stat head tail wc env kill dd sha256sum true false sed tar pwd; do ln -s busybox $d/bin/$a; done &&
     echo 'root:x:0:0:root:/root:/bin/sh' > $d/etc/passwd && chmod 1777 $d/tmp &&
     tar -C $d -c . | docker import - ${name} && rm -rf $d`,
  ]);
  return name;
}

function ways(runtime: 'process' | 'docker'): void {
  let stack: Stack;
  let user: SshUser;
  beforeAll(async () => {
    stack = await startStack({ runtime });
    const repository = makeRepository(join(stack.scratchDir, 'repository'));
    user = await sshUser(stack);
    const image = runtime === 'docker' ? ['--image', busyboxImage()] : [];
    await stack.easelJson(['create', 'box', '--git', repository, ...image, '--wait']);
  });
  afterAll(async () => {
    await stack?.stop();
  });

  it('gives exact exit status and separate stderr', async () => {
    const ran = await user.run('box', 'echo out; echo err >&2; exit 42');
    expect(ran).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' });
    expect((await user.run('box', 'kill -9 $$')).code).not.toBe(0);
  });

  it('runs commands in the home and names the project', async () => {
    const ran = await user.run('box', 'pwd; echo $HOME; cd "$EASEL_PROJECT" && ls');
    const [cwd, home, ...files] = ran.stdout.trim().split('\n');
    expect(cwd).toBe(home);
    expect(files).toEqual(['README.md']);
  });

  it('starts a shell with a pty in the project, of the right size', async () => {
    const ran = await runProgram('ssh', ['-tt', '-p', `${stack.sshPort}`, ...user.options, `box@${stack.sshHost}`], {
      input: 'echo "at:$(pwd)" tty:$TERM\nexit 7\n',
      env: { TERM: 'xterm-256color' },
    });
    expect(ran.code).toBe(7);
    expect(ran.stdout).toMatch(/at:\S+\/project tty:xterm-256color/);
  });

  it('pipes a mebibyte through cat in both directions, byte for byte', async () => {
    const bytes = randomBytes(8 * 1024 * 1024);
    const hash = createHash('sha256').update(bytes).digest('hex');
    expect((await user.run('box', 'sha256sum', { input: bytes })).stdout).toContain(hash);
    const file = join(stack.scratchDir, 'bytes');
    writeFileSync(file, bytes);
    const echoed = execFileSync('ssh', ['-p', `${stack.sshPort}`, ...user.options, `box@${stack.sshHost}`, 'cat'], {
      input: bytes,
      maxBuffer: 64 * 1024 * 1024,
    });
    expect(createHash('sha256').update(echoed).digest('hex')).toBe(hash);
  });

  it.each([['-O'], ['-s']])('copies files with scp %s', async (protocol) => {
    const file = join(stack.scratchDir, `scp${protocol}`);
    writeFileSync(file, randomBytes(300_000));
    const scp = (from: string, to: string) =>
      runProgram('scp', [protocol, '-P', `${stack.sshPort}`, ...user.options, from, to]);
    const there = `box@${stack.sshHost}:copied${protocol}`;
    const up = await scp(file, there);
    expect(up.code, up.stderr).toBe(0);
    const down = await scp(there, `${file}.back`);
    expect(down.code, down.stderr).toBe(0);
    expect(readFileSync(`${file}.back`).equals(readFileSync(file))).toBe(true);
  });

  it('serves sftp', async () => {
    const ran = await runProgram(
      'sftp',
      ['-b', '-', '-P', `${stack.sshPort}`, ...user.options, `box@${stack.sshHost}`],
      {
        input: `mkdir folder\ncd folder\nput ${user.keyFile}.pub one\nrename one two\nls\nrm two\ncd ..\nrmdir folder\n`,
      },
    );
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/two/);
  });

  it('takes rsync both ways', async () => {
    const folder = join(stack.scratchDir, 'tree');
    mkdirSync(join(folder, 'deep/er'), { recursive: true });
    writeFileSync(join(folder, 'deep/er/file'), randomBytes(50_000));
    const rsync = (from: string, to: string) => runProgram('rsync', ['-a', '-e', user.command, from, to]);
    const up = await rsync(`${folder}/`, `box@${stack.sshHost}:tree/`);
    expect(up.code, up.stderr).toBe(0);
    const down = await rsync(`box@${stack.sshHost}:tree/`, `${folder}-back/`);
    expect(down.code, down.stderr).toBe(0);
    expect(readFileSync(`${folder}-back/deep/er/file`).equals(readFileSync(`${folder}/deep/er/file`))).toBe(true);
  });

  it('is cloned from with git', async () => {
    const target = join(stack.scratchDir, 'cloned');
    const ran = await runProgram(
      'git',
      ['clone', '-q', `ssh://box@${stack.sshHost}:${stack.sshPort}/~/project`, target],
      {
        env: { GIT_SSH_COMMAND: user.command },
      },
    );
    expect(ran.code, ran.stderr).toBe(0);
    expect(readFileSync(join(target, 'README.md'), 'utf8')).toContain('test project');
  });

  it('forwards -L and -R, and as a SOCKS proxy', async () => {
    const here = createHttpServer((_req, res) => res.end('from the outside'));
    await new Promise<void>((resolve) => here.listen(0, '127.0.0.1', resolve));
    const herePort = (here.address() as AddressInfo).port;
    const [local, socks, remote] = (await freePorts(3)) as [number, number, number];
    const child = spawn('ssh', [
      ...['-N', '-p', `${stack.sshPort}`, ...user.options, '-o', 'ExitOnForwardFailure=yes'],
      ...['-R', `${remote}:127.0.0.1:${herePort}`, '-L', `${local}:127.0.0.1:${remote}`, '-D', `127.0.0.1:${socks}`],
      `box@${stack.sshHost}`,
    ]);
    try {
      // In by -L, through the environment's loopback, out again by -R.
      const body = await eventually(async () => (await fetch(`http://127.0.0.1:${local}/`)).text(), 20_000, '-L');
      expect(body).toBe('from the outside');
      expect(await throughSocks(socks, remote)).toContain('from the outside');
    } finally {
      child.kill();
      here.close();
    }
  });

  it('is reached end to end with -J', async () => {
    const proxy = `ssh -p ${stack.sshPort} ${user.options.join(' ')} -W %h:%p box@${stack.sshHost}`;
    const ran = await runProgram('ssh', [
      ...user.options,
      '-o',
      `ProxyCommand=${proxy}`,
      'box',
      'echo end to end; exit 3',
    ]);
    expect(ran).toMatchObject({ code: 3, stdout: 'end to end\n' });
  });

  it('forwards the agent', async () => {
    const script = `eval "$(ssh-agent -s)" >/dev/null; ssh-add -q ${user.keyFile}; ${user.command} -A box@${stack.sshHost} 'test -S "$SSH_AUTH_SOCK" && echo agent'; ssh-agent -k >/dev/null`;
    expect((await runProgram('sh', ['-c', script])).stdout).toBe('agent\n');
  });

  it('says the same to an unknown user, a wrong key and a foreign environment', async () => {
    const stranger = sshStranger(stack, 'stranger');
    const answers = await Promise.all([
      stranger.run('box', 'id'),
      stranger.run('nobody-here', 'id'),
      user.run('nobody-here', 'id'),
    ]);
    for (const answer of answers) {
      expect(answer.code).toBe(255);
      expect(answer.stderr.replaceAll(/\S+@/g, '')).toBe(answers[0]?.stderr.replaceAll(/\S+@/g, ''));
    }
  });
}

/** One HTTP request through a SOCKS5 proxy (RFC 1928). */
function throughSocks(socksPort: number, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socksPort, '127.0.0.1');
    let stage = 0;
    let body = '';
    socket.on('error', reject).on('end', () => resolve(body));
    socket.write(Buffer.from([5, 1, 0]));
    socket.on('data', (data) => {
      if (stage === 0) socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]));
      else if (stage === 1) socket.write('GET / HTTP/1.0\r\n\r\n');
      else body += data.toString();
      stage++;
    });
  });
}
