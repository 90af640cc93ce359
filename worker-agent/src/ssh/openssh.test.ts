/** The SSH side against the programs that people use. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { type ListeningSsh, listenSsh } from '../../test/listen-ssh.ts';
import { type StartedInside, startHere } from '../../test/start-inside.ts';

interface Ran {
  code: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: string;
}

let started: StartedInside;
let ssh: ListeningSsh;
let local: string;
let service: Server;
let servicePort: number;
const big = randomBytes(100 * 1024 * 1024);
const sumOf = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const bigSum = sumOf(big);
/** Enough to fill every buffer and window on the way many times. */
const some = big.subarray(0, 16 * 1024 * 1024);
const someSum = sumOf(some);

async function run(
  program: string,
  args: string[],
  input?: Buffer | string,
  env: Record<string, string> = {},
): Promise<Ran> {
  const child = spawn(program, args, { cwd: local, env: { ...process.env, ...env } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const exit = new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (code, signal) => resolve([code, signal]));
  });
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [code, signal] = await exit;
  return { code, signal, stdout, stderr: stderr.toString() };
}
const sshArgs = (...more: string[]) => [...ssh.options, '-p', String(ssh.port), ...more];
const exec = (command: string, input?: Buffer | string, ...more: string[]) =>
  run('ssh', [...sshArgs(...more), 'anybody@127.0.0.1', command], input);
const said = async (command: string, ...more: string[]) => (await exec(command, '', ...more)).stdout.toString();

describeWith(['openssh client'], 'OpenSSH', () => {
  beforeAll(async () => {
    local = mkdtempSync(join(tmpdir(), 'easel-local-'));
    writeFileSync(join(local, 'some'), some);
    started = await startHere();
    mkdirSync(join(started.home, 'project'));
    ssh = await listenSsh({ inside: started.inside, project: join(started.home, 'project') });
    service = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    servicePort = (service.address() as AddressInfo).port;
  }, 60_000);
  afterAll(async () => {
    service.close();
    await ssh[Symbol.asyncDispose]();
    await started[Symbol.asyncDispose]();
    rmSync(local, { recursive: true, force: true });
  });

  describe('a command', () => {
    it('has output and errors apart, and its exact exit code', async () => {
      const { stdout, stderr, code } = await exec('echo out; echo err >&2; exit 7');
      expect([stdout.toString(), stderr, code]).toEqual(['out\n', 'err\n', 7]);
      expect((await exec('true')).code).toBe(0);
      expect((await exec('exit 255')).code).toBe(255);
    });

    it('that a signal ended shows as OpenSSH shows it', async () => {
      expect((await exec('kill -9 $$')).code).toBe(255);
    });

    it('starts in the home; an interactive shell in the project', async () => {
      expect(await said('pwd')).toBe(`${started.home}\n`);
      const { stdout } = await run('ssh', [...sshArgs('-tt'), 'x@127.0.0.1'], 'stty -echo; pwd; exit 5\n');
      expect(stdout.toString()).toContain(join(started.home, 'project'));
    });

    it('gets the variables of the environment, of the client, and those that programs look for', async () => {
      const sent = await run(
        'ssh',
        [
          ...sshArgs('-o', 'SendEnv=LC_MINE'),
          'x@127.0.0.1',
          'echo $LC_MINE $EASEL_ENVIRONMENT $LANG $HOME; echo $SSH_CONNECTION',
        ],
        '',
        { LC_MINE: 'grün' },
      );
      expect(sent.stdout.toString()).toBe(`grün sample C.UTF-8 ${started.home}\n127.0.0.1 0 127.0.0.1 22\n`);
    });

    it('carries 100 MiB each way, also over a key exchange in the middle and with each cipher', async () => {
      expect((await exec('sha256sum', big)).stdout.toString()).toContain(bigSum);
      expect(sumOf((await exec('cat', big)).stdout)).toBe(bigSum);
      expect(sumOf((await exec('cat', some, '-o', 'RekeyLimit=3M')).stdout)).toBe(someSum);
      expect(sumOf((await exec('cat', some, '-c', 'chacha20-poly1305@openssh.com')).stdout)).toBe(someSum);
    }, 120_000);

    it('writes output and errors at once, much of both', async () => {
      writeFileSync(join(started.home, 'part'), some);
      const { stdout, stderr } = await exec('cat part & cat part | od -An -v -tx1 -w4096 >&2; wait');
      expect(sumOf(stdout)).toBe(sumOf(some));
      expect(stderr.replaceAll(/\s/g, '').length).toBe(2 * some.length);
    }, 60_000);

    it('loses no tail when it ends at once', async () => {
      for (let i = 0; i < 15; i++) {
        const { stdout } = await exec('head -c 300000 /dev/zero; printf end');
        expect([stdout.length, stdout.subarray(-3).toString()]).toEqual([300_003, 'end']);
      }
    }, 60_000);

    it('that closes its output early still has its code', async () => {
      expect((await exec('exec >&- 2>&-; sleep 0.5; exit 5')).code).toBe(5);
    });

    it('that does not read its input ends all the same', async () => {
      expect((await exec('exit 3', some)).code).toBe(3);
    });

    it('can be a script that comes by standard input, as VS Code’s installer does', async () => {
      const script = 'read -r line < /dev/null; echo $((6 * 7)); cat >/dev/null <<EOF\nlots\nEOF\nexit 9\n';
      const { stdout, code } = await exec('sh -s', script);
      expect([stdout.toString(), code]).toEqual(['42\n', 9]);
      const shell = await run('ssh', [...sshArgs('-T'), 'x@127.0.0.1'], script);
      expect([shell.stdout.toString(), shell.code]).toEqual(['42\n', 9]);
    });

    it('on a terminal is hung up on when the client is killed', async () => {
      const marker = join(started.home, 'hung-up');
      const child = spawn('ssh', [
        ...sshArgs('-tt'),
        'x@127.0.0.1',
        `trap 'touch ${marker}; exit' HUP; echo up; while :; do sleep 0.05; done`,
      ]);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill('SIGKILL');
      await expect.poll(() => existsSync(marker), { timeout: 5_000 }).toBe(true);
    });
  });

  describe('files', () => {
    it.each([['-s'], ['-O']])(
      'go both ways with scp %s',
      async (protocol) => {
        const flags = [protocol, '-q', ...ssh.options, '-P', String(ssh.port)];
        expect((await run('scp', [...flags, 'some', `x@127.0.0.1:file${protocol}`])).code).toBe(0);
        expect(sumOf(readFileSync(join(started.home, `file${protocol}`)))).toBe(someSum);
        expect((await run('scp', [...flags, `x@127.0.0.1:file${protocol}`, 'back'])).code).toBe(0);
        expect(sumOf(readFileSync(join(local, 'back')))).toBe(someSum);
        expect((await run('scp', [...flags, 'x@127.0.0.1:missing', 'back'])).code).toBe(1);
      },
      120_000,
    );

    it('are worked on with sftp', async () => {
      const batch =
        'put some one\nln -s one two\nrename one three\nchmod 600 three\nls -l\nmkdir d\nrmdir d\ndf\nget three back\nrm three\n';
      const { code, stderr } = await run(
        'sftp',
        ['-q', ...ssh.options, '-P', String(ssh.port), '-b', '-', 'x@127.0.0.1'],
        batch,
      );
      expect([code, stderr]).toEqual([0, '']);
      expect(sumOf(readFileSync(join(local, 'back')))).toBe(someSum);
    }, 60_000);
  });

  describe('forwarding', () => {
    let forwards: ChildProcess;
    const ports = { local: 0, socks: 0, closed: 0 };
    beforeAll(async () => {
      for (const name of ['local', 'socks', 'closed'] as const) ports[name] = await freePort();
      const flags = ['-N', '-o', 'ExitOnForwardFailure=yes', '-D', `${ports.socks}`];
      const targets = ['-L', `${ports.local}:localhost:${servicePort}`, '-L', `${ports.closed}:localhost:1`];
      forwards = spawn('ssh', [...sshArgs(...flags, ...targets), 'x@127.0.0.1']);
      await vi.waitUntil(() => isOpen(ports.closed), { timeout: 10_000 });
    });
    afterAll(() => void forwards.kill());

    it('-L carries every byte and each half by itself', async () => {
      const stream = connect({ host: '127.0.0.1', port: ports.local, allowHalfOpen: true });
      stream.end(some);
      expect(sumOf(await buffer(stream))).toBe(sumOf(some));
    });

    it('-L carries many at once', async () => {
      const echoes = Array.from({ length: 60 }, async (_, i) => {
        const stream = connect({ host: '127.0.0.1', port: ports.local, allowHalfOpen: true });
        stream.end(`number ${i}`);
        return (await buffer(stream)).toString();
      });
      expect(await Promise.all(echoes)).toEqual(echoes.map((_, i) => `number ${i}`));
    });

    it('-L to a closed port ends at once', async () => {
      const stream = connect(ports.closed, '127.0.0.1');
      stream.on('error', () => undefined);
      expect((await buffer(stream).catch(() => Buffer.alloc(0))).length).toBe(0);
    });

    it('-D is a SOCKS proxy that names hosts as the inside does', async () => {
      const stream = connect(ports.socks, '127.0.0.1');
      const host = Buffer.from('localhost');
      const port = Buffer.of(servicePort >> 8, servicePort & 255);
      stream.write(Buffer.concat([Buffer.of(5, 1, 0, 5, 1, 0, 3, host.length), host, port, Buffer.from('through')]));
      let seen = Buffer.alloc(0);
      for await (const chunk of stream) {
        seen = Buffer.concat([seen, chunk as Buffer]);
        if (seen.includes('through')) break;
      }
      expect(seen.subarray(0, 4)).toEqual(Buffer.of(5, 0, 5, 0));
    });

    it('-R listens inside, on a port of its own where none is named', async () => {
      const child = spawn('ssh', [
        '-o',
        'LogLevel=INFO',
        ...sshArgs('-N', '-R', `0:127.0.0.1:${servicePort}`),
        'x@127.0.0.1',
      ]);
      const told = await new Promise<string>((resolve) => child.stderr.on('data', (text) => resolve(String(text))));
      const port = Number(/Allocated port (\d+)/.exec(told)?.[1]);
      const stream = await started.inside.connect({ host: 'localhost', port });
      stream.end('round');
      expect((await buffer(stream)).toString()).toBe('round');
      child.kill();
      await expect.poll(() => isOpen(port)).toBe(false);
    });

    it('unix sockets go both ways', async () => {
      const theirs = join(started.home, 'their.sock');
      const ours = join(local, 'our.sock');
      const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(theirs);
      const flags = ['-N', '-L', `${ours}:${theirs}`, '-R', `${started.home}/back.sock:${theirs}`];
      const child = spawn('ssh', [...sshArgs(...flags), 'x@127.0.0.1']);
      await expect.poll(() => existsSync(ours) && existsSync(join(started.home, 'back.sock'))).toBe(true);
      for (const path of [ours, join(started.home, 'back.sock')]) {
        const stream = connect({ path, allowHalfOpen: true });
        stream.end('unix');
        expect((await buffer(stream)).toString()).toBe('unix');
      }
      child.kill();
      echo.close();
    });

    it('-A brings the agent, for the user alone, and takes it away again', async () => {
      const agent = await run('ssh-agent', ['-s']);
      const socket = /SSH_AUTH_SOCK=([^;]+)/.exec(agent.stdout.toString())![1]!;
      const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent.stdout.toString())![1]);
      try {
        const env = { SSH_AUTH_SOCK: socket };
        await run('ssh-add', ['-q', ssh.identityFile], '', env);
        const command = 'ssh-add -l; stat -c %a $SSH_AUTH_SOCK; echo $SSH_AUTH_SOCK';
        const { stdout } = await run('ssh', [...sshArgs('-A'), 'x@127.0.0.1', command], '', env);
        const [key, mode, path] = stdout.toString().split('\n');
        expect([key?.includes('ED25519'), mode]).toEqual([true, '600']);
        await expect.poll(() => existsSync(path!)).toBe(false);
      } finally {
        process.kill(pid);
      }
    });
  });

  it('marks activity for what people do', () => {
    expect(new Set(ssh.marks)).toEqual(new Set(['ssh', 'port']));
  });

  it('knows no X11', async () => {
    const args = [...sshArgs('-Y'), 'x@127.0.0.1', 'echo "<$DISPLAY>"'];
    const { stdout } = await run('ssh', args, '', { DISPLAY: ':9' });
    expect(stdout.toString()).toBe('<>\n');
  });
});

describeWith(['openssh client', 'rsync', 'git'], 'programs over OpenSSH', () => {
  let home: StartedInside;
  let side: ListeningSsh;
  let work: string;
  let shell: string;
  beforeAll(async () => {
    home = await startHere();
    side = await listenSsh({ inside: home.inside });
    work = mkdtempSync(join(tmpdir(), 'easel-local-'));
    shell = ['ssh', ...side.options, '-p', String(side.port)].join(' ');
    writeFileSync(join(work, 'file'), some);
  }, 60_000);
  afterAll(async () => {
    await side[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
    rmSync(work, { recursive: true, force: true });
  });
  const go = (program: string, args: string[]) =>
    new Promise<void>((resolve, reject) => {
      const env = { ...process.env, GIT_SSH_COMMAND: shell, GIT_CONFIG_GLOBAL: '/dev/null' };
      execFile(program, args, { cwd: work, env }, (err) => (err ? reject(err) : resolve()));
    });

  it('rsync copies there and back', async () => {
    await go('rsync', ['-a', '-e', shell, 'file', 'x@127.0.0.1:there']);
    await go('rsync', ['-a', '-e', shell, 'x@127.0.0.1:there', 'back']);
    expect(sumOf(readFileSync(join(work, 'back')))).toBe(someSum);
  }, 60_000);

  it('git pushes and clones', async () => {
    await go('git', ['init', '-q', '--bare', join(home.home, 'repository.git')]);
    await go('git', ['init', '-q', 'mine']);
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com'];
    writeFileSync(join(work, 'mine/text'), 'text');
    await go('git', ['-C', 'mine', 'add', '.']);
    await go('git', ['-C', 'mine', ...identity, 'commit', '-qm', 'first']);
    await go('git', [
      '-C',
      'mine',
      'push',
      '-q',
      `ssh://x@127.0.0.1${home.home}/repository.git`,
      'HEAD:refs/heads/main',
    ]);
    await go('git', ['clone', '-q', '-b', 'main', 'ssh://x@127.0.0.1/~/repository.git', 'clone']);
    expect(readFileSync(join(work, 'clone/text'), 'utf8')).toBe('text');
  }, 60_000);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
