import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedInside, startHere } from '../../test/start-inside.ts';
import type { Inside, InsideProcess } from './client.ts';

const bytes = randomBytes(20 * 1024 * 1024);
let started: StartedInside;
let inside: Inside;

beforeAll(async () => {
  started = await startHere();
  inside = started.inside;
}, 60_000);
afterAll(() => started[Symbol.asyncDispose]());

const shell = (script: string, more: Partial<Parameters<Inside['spawn']>[0]> = {}): Promise<InsideProcess> =>
  inside.spawn({ argv: ['sh', '-c', script], cwd: started.home, env: {}, ...more });
/** Waits for output, takes it, and leaves the rest. */
async function firstOutput({ stdout }: Pick<InsideProcess, 'stdout'>): Promise<string> {
  for (;;) {
    const chunk: unknown = stdout.read();
    if (chunk !== null) return String(chunk);
    await new Promise((resolve) => stdout.once('readable', resolve));
  }
}
const terminal = { term: 'xterm', columns: 90, rows: 30, modes: { ECHO: 0 } };

describe('a process with plain streams', () => {
  it('has its output, its errors and its exit code apart', async () => {
    const { stdout, stderr, exit } = await shell('echo out; echo err >&2; exit 7');
    expect(await text(stdout)).toBe('out\n');
    expect(await text(stderr!)).toBe('err\n');
    expect(await exit).toEqual({ code: 7, signal: null });
  });

  it('says which signal ended it', async () => {
    expect(await (await shell('kill -9 $$')).exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('gets every byte of its input, and then the end of it', async () => {
    const { stdin, stdout } = await shell('cat');
    stdin.end(bytes);
    expect((await buffer(stdout)).equals(bytes)).toBe(true);
  });

  it('loses nothing of its output when it ends at once', async () => {
    for (let i = 0; i < 20; i++) {
      const { stdout } = await shell('head -c 300000 /dev/zero; printf end');
      expect((await text(stdout)).slice(-3)).toBe('end');
    }
  });

  it('is held up by a reader that is slow', async () => {
    const { stdout, exit } = await shell('head -c 50000000 /dev/zero');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(stdout.readableLength).toBeLessThan(1024 * 1024);
    expect((await buffer(stdout)).length).toBe(50_000_000);
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  it('ends although nobody gives it the input that it does not want', async () => {
    const { stdin, exit } = await shell('exit 3');
    stdin.on('error', () => undefined);
    stdin.write(bytes);
    expect(await exit).toEqual({ code: 3, signal: null });
  });

  it('is reached by signals together with all that it started', async () => {
    const { stdout, signal, exit } = await shell('sleep 1000 & echo $!; wait');
    const child = (await firstOutput({ stdout })).trim();
    signal('TERM');
    expect(await exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await text(stdout)).toBe('');
    expect(existsSync(`/proc/${child}/cwd`)).toBe(false);
  });

  it('has the image’s variables, ours over them, defaults under them, and the pack last in PATH', async () => {
    const env = { EASEL_ENVIRONMENT: 'sample', HOME: '/x' };
    const { stdout } = await shell('echo $EASEL_ENVIRONMENT $HOME $EASEL_ENVIRONMENT_ID $LANG; echo $PATH', {
      env,
      defaults: { LANG: 'C.UTF-8', HOME: '/y' },
    });
    const [variables, path] = (await text(stdout)).split('\n');
    expect(variables).toBe('sample /x test C.UTF-8');
    expect(path).toMatch(/\/bin:\/.*\/packs\/[0-9a-f]+\/bin$/);
  });

  it('starts in the home where its folder is not there', async () => {
    const { stdout } = await shell('pwd', { cwd: '/nowhere' });
    expect((await text(stdout)).trim()).toBe(started.home);
  });

  it('is refused with a reason when there is no such program', async () => {
    const refused = inside.spawn({ argv: ['/no/such/program'], cwd: '/', env: {} });
    await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const forbidden = inside.spawn({ argv: ['/etc/passwd'], cwd: '/', env: {} });
    await expect(forbidden).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('can be one of many', async () => {
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) => shell(`echo ${i}; exit ${i}`)));
    const outputs = await Promise.all(all.map(async ({ stdout, exit }) => [await text(stdout), (await exit).code]));
    expect(outputs).toEqual(Array.from({ length: 40 }, (_, i) => [`${i}\n`, i]));
  });
});

describe('a process on a terminal', () => {
  it('has its size and type, is resized, and ends with its code', async () => {
    const process = await shell('stty size; echo $TERM; read line; stty size; exit 6', { pty: terminal });
    expect(process.stderr).toBeNull();
    const first = await firstOutput(process);
    process.resize(120, 40);
    process.stdin.write('\n');
    expect((first + (await text(process.stdout))).replaceAll('\r', '')).toBe('30 90\nxterm\n40 120\n');
    expect(await process.exit).toEqual({ code: 6, signal: null });
  });

  it('has the modes that were asked for', async () => {
    const modes = { ECHO: 0, VERASE: 8, IXANY: 0, ONLCR: 0 };
    const { stdout } = await shell('stty -a', { pty: { ...terminal, modes } });
    const said = await text(stdout);
    for (const setting of ['erase = ^H', '-ixany', '-echo ', '-onlcr', 'intr = ^C']) expect(said).toContain(setting);
  });

  it('loses nothing of its output when it ends at once', async () => {
    for (let i = 0; i < 10; i++) {
      const { stdout } = await shell('seq 1 5000; printf end', { pty: terminal });
      expect((await text(stdout)).slice(-3)).toBe('end');
    }
  });

  it('is hung up on when its stream is cut', async () => {
    const marker = join(started.home, 'hung-up');
    const process = await shell(`trap 'echo > ${marker}; exit' HUP; echo ready; while :; do sleep 0.05; done`, {
      pty: terminal,
    });
    await firstOutput(process);
    process.stdout.destroy();
    await process.exit;
    expect(existsSync(marker)).toBe(true);
  });

  it('is not held open by other processes', async () => {
    const terminals = await Promise.all([shell('cat', { pty: terminal }), shell('cat', { pty: terminal })]);
    const plain = await shell('ls -l /proc/self/fd');
    const third = await shell('ls -l /proc/self/fd', { pty: terminal });
    expect(await text(plain.stdout)).not.toContain('ptmx');
    expect(await text(third.stdout)).not.toContain('ptmx');
    for (const { stdout } of terminals) stdout.destroy();
    await Promise.all(terminals.map(({ exit }) => exit));
  });

  it('can be written much to while its program does not read', async () => {
    const process = await shell('sleep 0.5; stty raw; echo; head -c 200000 | wc -c', { pty: terminal });
    await firstOutput(process);
    process.stdin.write(Buffer.alloc(200_000, 'x'));
    expect((await text(process.stdout)).trim()).toBe('200000');
    const other = await shell('echo still here');
    expect(await text(other.stdout)).toBe('still here\n');
  });
});

describe('connections', () => {
  let server: Server;
  let port: number;
  beforeAll(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => {
      const hash = createHash('sha256');
      socket.on('data', (data) => hash.update(data));
      socket.on('end', () => socket.end(Buffer.concat([hash.digest(), bytes])));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  it('carry every byte both ways, and each half ends by itself', async () => {
    const stream = await inside.connect({ host: 'localhost', port });
    stream.end(bytes);
    const answer = await buffer(stream);
    expect(answer.subarray(0, 32).equals(createHash('sha256').update(bytes).digest())).toBe(true);
    expect(answer.subarray(32).equals(bytes)).toBe(true);
  });

  it('are refused where nothing listens', async () => {
    await expect(inside.connect({ host: 'localhost', port: 1 })).rejects.toMatchObject({ code: 'PORT_CLOSED' });
    await expect(inside.connect({ path: '/no/socket' })).rejects.toMatchObject({ code: 'PORT_CLOSED' });
  });

  it('come in where we listen, until we stop', async () => {
    const listener = await inside.listen({ host: '127.0.0.1', port: 0 }, (stream, from) => {
      expect(from.host).toBe('127.0.0.1');
      stream.pipe(stream);
    });
    const echo = connect(listener.port, '127.0.0.1');
    echo.end(bytes);
    expect((await buffer(echo)).equals(bytes)).toBe(true);
    await listener.close();
    await expect(inside.connect({ host: '127.0.0.1', port: listener.port })).rejects.toMatchObject({
      code: 'PORT_CLOSED',
    });
  });

  it('come in on a private socket that only the user can reach, and leave nothing behind', async () => {
    const listener = await inside.listen({ private: 'agent' }, (stream) => void stream.end('hello'));
    expect(statSync(listener.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(listener.path, '..')).mode & 0o777).toBe(0o700);
    expect(await text(connect(listener.path))).toBe('hello');
    await listener.close();
    await expect.poll(() => existsSync(join(listener.path, '..'))).toBe(false);
  });

  it('cannot listen where somebody does', async () => {
    const taken = inside.listen({ host: '127.0.0.1', port }, () => undefined);
    await expect(taken).rejects.toMatchObject({ code: 'PORT_CLOSED' });
  });
});

it('tells which ports processes of the environment listen on, and not those of strangers', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  const listener = await inside.listen({ host: '127.0.0.1', port: 0 }, () => undefined);
  const ports = await inside.listeningPorts();
  expect(ports.map(({ port }) => port)).toEqual([listener.port]);
  await listener.close();
  server.close();
});

it('ends with all that it started when it is closed', async () => {
  const other = await startHere();
  const { stdout, exit } = await other.inside.spawn({ argv: ['sh', '-c', 'echo $$; sleep 1000'], cwd: '/', env: {} });
  const pid = (await firstOutput({ stdout })).trim();
  await other.inside.close();
  expect(await exit).toEqual({ code: null, signal: 'SIGHUP' });
  expect((await other.inside.ended).reason).toBeTruthy();
  await expect.poll(() => existsSync(`/proc/${pid}/cwd`)).toBe(false);
  await expect(other.inside.spawn({ argv: ['true'], cwd: '/', env: {} })).rejects.toMatchObject({
    code: 'WORKER_UNREACHABLE',
  });
  await other[Symbol.asyncDispose]();
});

it('says why it did not start', async () => {
  const { startInside } = await import('./client.ts');
  const { silentLog } = await import('@easel/kit/log');
  const folder = mkdtempSync(join(tmpdir(), 'easel-in-'));
  const start = async () => ({ ended: Promise.resolve('exit code 127'), kill: async () => undefined });
  const starting = startInside({ socketDir: folder, insideSocketDir: folder, start, log: silentLog });
  await expect(starting).rejects.toThrow('the helper inside ended at once: exit code 127');
  rmSync(folder, { recursive: true });
});
