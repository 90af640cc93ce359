/** Whole workers against a fake server, in the process runtime, with real git repositories. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { socketDirPrefix } from '../src/containers/socket-dir.ts';
import { FakeServer, type FakeServerOptions } from './fake-server.ts';
import { serveGit } from './git-http.ts';
import {
  insidePack,
  makeRepository,
  makeScratch,
  processesOf,
  removeScratch,
  runCleanup,
  type StartedWorker,
  startWorker,
} from './start-worker.ts';

const limits = { timeout: 60_000 };
const scratch = makeScratch();
let insideDir: string;
let repository: string;
let count = 0;
const servers: FakeServer[] = [];
const workers: StartedWorker[] = [];

beforeAll(async () => {
  insideDir = await insidePack();
  repository = makeRepository(scratch, 'shop', { 'README.md': 'hello\n', 'app/index.html': '<p>hi</p>\n' });
}, 120_000);

afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.process.kill('SIGTERM');
    await worker.exit;
  }
  for (const server of servers.splice(0)) {
    const { environmentId } = server.manifest;
    expect(server.problems).toEqual([]);
    expect(processesOf(environmentId)).toEqual([]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(socketDirPrefix(environmentId)))).toEqual([]);
    await server.close();
  }
}, 60_000);
afterAll(() => removeScratch(scratch));

const script = (run: string, timeoutSeconds = 20) => ({ run, timeoutSeconds });
const only = (scripts: Partial<FakeServer['manifest']['scripts']>) => ({
  init: null,
  start: null,
  stop: null,
  ...scripts,
});

async function start(options: FakeServerOptions & { volumeDir?: string; env?: Record<string, string> } = {}) {
  const sources = { url: repository, branch: null };
  const server = await new FakeServer({ ...options, manifest: { sources, ...options.manifest } }).listen();
  servers.push(server);
  const volumeDir = options.volumeDir ?? join(scratch, 'volumes', `volume-${count++}`);
  const worker = startWorker(server, { volumeDir, insideDir, runtime: 'process', env: options.env ?? {} });
  workers.push(worker);
  return { server, worker, volumeDir, home: join(volumeDir, 'home') };
}

test('brings an environment up, step by step, and ends it cleanly when asked', limits, async () => {
  const { server, worker, home } = await start({
    manifest: {
      env: { GREETING: 'salut' },
      scripts: {
        init: script('echo init ran in $PWD; echo once >> ~/init-count'),
        start: script('echo $GREETING from $EASEL_PROJECT as $(id -u); echo oops >&2; env > ~/env'),
        stop: script('echo bye > ~/stopped'),
      },
    },
  });
  const ready = await server.event('worker.ready');
  expect(ready).toMatchObject({ runtime: 'process', home, project: join(home, 'shop') });
  expect(server.all('step.finished').map(({ step }) => step)).toEqual(['volume', 'sources', 'containers', 'hooks']);
  expect(server.all('step.skipped').map(({ step }) => step)).toEqual(['image', 'ide']);
  expect(readFileSync(join(home, 'shop/README.md'), 'utf8')).toBe('hello\n');
  await server.until(() => server.text('hooks').includes('oops'), 'output of the start script');
  expect(server.text('hooks')).toContain(`init ran in ${home}/shop`);
  expect(server.text('hooks')).toContain(`salut from ${home}/shop as ${statSync(home).uid}`);
  expect(server.lines.find(({ text }) => text === 'oops')).toMatchObject({ source: 'hooks', stream: 'stderr' });
  if (process.getuid?.() === 0) expect(statSync(home).uid).not.toBe(0);
  expect(statSync(home).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(home, 'env'), 'utf8')).not.toContain(server.token);

  await server.until(() => server.heartbeats.some(({ git }) => git?.length), 'git status');
  const beat = server.heartbeats.at(-1)!;
  expect(beat.git?.[0]).toMatchObject({ path: join(home, 'shop'), branch: 'main', uncommitted: 0, unpushed: 0 });
  expect(beat.resources?.processes).toBeGreaterThan(0);
  expect(beat.resources?.memoryBytes).toBeGreaterThan(1_000_000);
  await server.until(() => (server.heartbeats.at(-1)?.resources?.diskUsedBytes ?? 0) > 0, 'disk use');

  server.stop();
  expect(await server.event('worker.stopped')).toMatchObject({ isClean: true });
  expect(await worker.exit).toBe(0);
  expect(existsSync(join(home, 'stopped'))).toBe(true);
});

test('a start again finds the work as it was left, and runs the init script no more', limits, async () => {
  const scripts = only({ init: script('echo once >> ~/init-count'), start: script('echo more >> ~/start-count') });
  const first = await start({ manifest: { scripts } });
  await first.server.event('worker.ready');
  first.server.stop();
  await first.worker.exit;
  writeFileSync(join(first.home, 'shop/README.md'), 'my own words\n');

  const again = await start({
    volumeDir: first.volumeDir,
    manifest: { scripts, sources: { url: 'file:///gone/by/now', branch: 'other' } },
  });
  await again.server.event('worker.ready');
  expect(readFileSync(join(again.home, 'shop/README.md'), 'utf8')).toBe('my own words\n');
  expect(readFileSync(join(again.home, 'init-count'), 'utf8')).toBe('once\n');
  expect(readFileSync(join(again.home, 'start-count'), 'utf8')).toBe('more\nmore\n');
  await again.server.until(() => again.server.heartbeats.some(({ git }) => git?.[0]?.uncommitted === 1), 'uncommitted');
});

test('SIGTERM ends a running environment as a stop of the server does', limits, async () => {
  const { server, worker, home } = await start({ manifest: { scripts: only({ stop: script('touch ~/stopped') }) } });
  await server.event('worker.ready');
  worker.process.kill('SIGTERM');
  expect(await worker.exit).toBe(0);
  expect(server.all('worker.stopped')).toMatchObject([{ isClean: true }]);
  expect(existsSync(join(home, 'stopped'))).toBe(true);
});

test('a branch is cloned when one is named, and a project root is where scripts run', limits, async () => {
  const { server, home } = await start({
    manifest: {
      sources: { url: repository, branch: 'side' },
      projectRoot: 'app',
      scripts: only({ start: script('pwd; git branch --show-current; git var GIT_AUTHOR_IDENT') }),
    },
  });
  expect(await server.event('worker.ready')).toMatchObject({ project: join(home, 'shop/app') });
  await server.until(() => server.text('hooks').includes('Ada'), 'the author');
  expect(server.text('hooks')).toContain(join(home, 'shop/app'));
  expect(server.text('hooks')).toContain('Ada <ada@example.com>');
});

test('clones over HTTP, with progress, and with a token that the URL carries', limits, async () => {
  makeRepository(scratch, 'noise', { noise: randomText(3_000_000) });
  const authorization = `Basic ${Buffer.from('ada:hunter2').toString('base64')}`;
  const http = await serveGit(scratch, { authorization });
  const url = `${http.url.replace('//127.0.0.1', '//ada:hunter2@localhost')}/noise.git`;
  const { server, worker, home } = await start({ manifest: { sources: { url, branch: null } } });
  await server.event('worker.ready');
  expect(existsSync(join(home, 'noise/noise'))).toBe(true);
  expect(server.text() + worker.output()).not.toContain('hunter2');
  const fractions = server
    .all('step.progressed')
    .flatMap(({ step, fraction }) => (step === 'sources' ? [fraction] : []));
  expect(fractions.length).toBeGreaterThan(0);
  await http.close();
});

test('a redirect to another address is not followed once the clone is under way', limits, async () => {
  const http = createServer((req, res) => res.writeHead(302, { location: `file://${scratch}${req.url}` }).end());
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const { server } = await start({ manifest: { sources: { url: `http://127.0.0.1:${port}/shop.git`, branch: null } } });
  expect((await server.event('worker.failed')).failure).toMatchObject({ class: 'sources' });
  http.close();
});

test('the step of the IDE waits for its port, and what listens is told', limits, async () => {
  const program = 'nohup sh -c "sleep 0.5; exec python3 -m http.server $PORT" > /dev/null 2>&1 &';
  const port = await freePort();
  const { server } = await start({
    manifest: { idePort: port, env: { PORT: String(port) }, scripts: only({ start: script(program) }) },
  });
  await server.event('worker.ready');
  expect(server.all('step.finished').find(({ step }) => step === 'ide')?.text).toBe(`Port ${port} is open.`);
  const isTold = () => server.heartbeats.some(({ ports }) => ports.some((listener) => listener.port === port));
  await server.until(isTold, 'the port in a heartbeat');
});

describe('a start fails with its class, a sentence and what to do, and leaves nothing', () => {
  async function failed(options: Parameters<typeof start>[0]) {
    const started = await start(options);
    const { failure } = await started.server.event('worker.failed', 45_000);
    expect(await started.worker.exit).toBe(0);
    expect(started.server.all('step.failed')).toMatchObject([{ step: failure.step, failure }]);
    expect(failure.advice).not.toBe('');
    return { failure, ...started };
  }
  const from = (url: string, branch: string | null = null) => ({ manifest: { sources: { url, branch } } });

  test('a repository that is not there', limits, async () => {
    const { failure, home } = await failed(from(`file://${scratch}/nothing.git`));
    expect(failure).toMatchObject({ class: 'sources', step: 'sources' });
    expect(failure.message).toContain('There is no Git repository at');
    expect(readdirSync(home).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  test('a folder that is no repository', limits, async () => {
    const { failure } = await failed(from(`file://${scratch}/volumes`));
    expect(failure.class).toBe('sources');
  });

  test('a branch that is not there', limits, async () => {
    const { failure } = await failed(from(repository, 'no-such-branch'));
    expect(failure.message).toContain('has no branch or tag no-such-branch');
  });

  test('a host that is not known', limits, async () => {
    const { failure } = await failed(from('https://no-such-host.invalid/a/b.git'));
    expect(failure.message).toContain('The host no-such-host.invalid is not known');
  });

  test('a port where nobody listens', limits, async () => {
    const { failure } = await failed(from(`http://127.0.0.1:${await freePort()}/a/b.git`));
    expect(failure.message).toContain('refuses connections');
  });

  test('a host that asks for credentials; what the URL carries is not shown', limits, async () => {
    const http = createServer((_req, res) => res.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end());
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const { failure, server, worker } = await failed(from(`http://ada:hunter2@127.0.0.1:${port}/a/b.git`));
    expect(failure.message).toContain('asks for credentials');
    expect(failure.message + server.text() + worker.output()).not.toContain('hunter2');
    http.close();
  });

  test('an SSH host that wants a key; ours is not shown to it', limits, async () => {
    const banner = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-nobody\r\n');
    });
    await new Promise<void>((resolve) => banner.listen(0, '127.0.0.1', resolve));
    const { port } = banner.address() as AddressInfo;
    const { failure } = await failed(from(`ssh://git@127.0.0.1:${port}/a.git`));
    expect(failure).toMatchObject({ class: 'sources', step: 'sources' });
    banner.close();
  });

  test('an address that hands out the credentials of a cloud', limits, async () => {
    const { failure } = await failed(from('http://169.254.169.254/latest/meta-data'));
    expect(failure.message).toContain('not cloned from');
  });

  test('a clone that takes too long', limits, async () => {
    const http = createServer(() => undefined);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    const { failure } = await failed({
      manifest: {
        sources: { url: `http://127.0.0.1:${port}/a/b.git`, branch: null },
        limits: { imageSeconds: 5, sourcesSeconds: 1, containersSeconds: 30 },
      },
    });
    expect(failure).toMatchObject({ class: 'timed_out', step: 'sources' });
    http.closeAllConnections();
    http.close();
  });

  test('a project root that the repository does not have', limits, async () => {
    const { failure, home } = await failed({ manifest: { projectRoot: 'no/such/folder' } });
    expect(failure.message).toContain('no folder no/such/folder');
    expect(existsSync(join(home, 'shop'))).toBe(false);
  });

  test('a repository on the disk of another environment', limits, async () => {
    const { failure } = await failed(from(`file://${scratch}/volumes/other/home/shop`));
    expect(failure.class).toBe('sources');
  });

  test('a script that fails', limits, async () => {
    const scripts = only({ init: script('echo before; exit 7') });
    const { failure, server, volumeDir } = await failed({ manifest: { scripts } });
    expect(failure).toMatchObject({ class: 'script', step: 'hooks', exitCode: 7 });
    expect(server.text('hooks')).toContain('before');
    expect(existsSync(join(volumeDir, '.easel/init.json'))).toBe(false);
  });

  test('a script that hangs, with all that it started', limits, async () => {
    const { failure, server } = await failed({
      manifest: { scripts: only({ start: script('sleep 1000 & sleep 1001', 1) }) },
    });
    expect(failure).toMatchObject({ class: 'timed_out', step: 'hooks' });
    expect(server.text('hooks')).toContain('has not ended within 1 seconds');
  });

  test('a disk that is full', limits, async (context) => {
    const volumeDir = join(scratch, 'volumes/full');
    execFileSync('mkdir', ['-p', volumeDir]);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=755', 'tmpfs', volumeDir], { stdio: 'pipe' });
    } catch {
      return context.skip('a small disk to fill needs root');
    }
    try {
      const scripts = only({ start: script('head -c 100m /dev/zero > ~/big') });
      const { failure } = await failed({ volumeDir, manifest: { scripts } });
      expect(failure).toMatchObject({ class: 'disk_full', step: 'hooks' });
      const again = await failed({ volumeDir });
      expect(again.failure).toMatchObject({ class: 'disk_full', step: 'volume' });
    } finally {
      execFileSync('umount', [volumeDir]);
    }
  });

  test('a repository that is larger than the disk', limits, async (context) => {
    const big = makeRepository(scratch, 'big', { noise: randomText(4_000_000) });
    const volumeDir = join(scratch, 'volumes/small');
    execFileSync('mkdir', ['-p', volumeDir]);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=755', 'tmpfs', volumeDir], { stdio: 'pipe' });
    } catch {
      return context.skip('a small disk to fill needs root');
    }
    try {
      const { failure } = await failed({ volumeDir, manifest: { sources: { url: big, branch: null } } });
      expect(failure).toMatchObject({ class: 'disk_full', step: 'sources' });
      expect(existsSync(join(volumeDir, '.easel/clone'))).toBe(false);
    } finally {
      execFileSync('umount', [volumeDir]);
    }
  });

  test('an installation without its pack', limits, async () => {
    const { failure } = await failedBeforeSteps({ env: { EASEL_INSIDE_DIR: join(scratch, 'no-pack') } });
    expect(failure).toMatchObject({ class: 'platform' });
  });

  async function failedBeforeSteps(options: Parameters<typeof start>[0]) {
    const started = await start(options);
    const { failure } = await started.server.event('worker.failed');
    await started.worker.exit;
    return { failure };
  }
});

describe('a stop at every stage ends cleanly', () => {
  const stages: [string, (server: FakeServer) => Promise<unknown>][] = [
    ['before the welcome', async (server) => server.until(() => server.hellos.length > 0, 'hello')],
    ['when the volume starts', (server) => server.event('step.started')],
    ['while sources are cloned', (server) => until(server, 'sources')],
    ['when containers start', (server) => until(server, 'containers')],
    ['while a script runs', (server) => until(server, 'hooks')],
  ];
  const until = (server: FakeServer, step: string) =>
    server.until(() => server.all('step.started').some((event) => event.step === step), `step ${step}`);

  for (const how of ['worker.stop', 'SIGTERM'] as const) {
    for (const [stage, reached] of stages) {
      test(`${stage}, by ${how}`, limits, async () => {
        const { server, worker, volumeDir } = await start({
          manifest: { scripts: only({ init: script('sleep 30') }) },
        });
        await reached(server);
        if (how === 'SIGTERM') worker.process.kill('SIGTERM');
        else server.stop();
        expect(await worker.exit).toBe(0);
        expect(server.all('worker.ready')).toEqual([]);
        expect(server.all('worker.failed')).toEqual([]);
        expect(server.all('step.failed')).toEqual([]);
        if (how === 'worker.stop') expect(server.all('worker.stopped')).toHaveLength(1);
        expect(existsSync(join(volumeDir, '.easel/clone'))).toBe(false);
      });
    }
  }
});

test('a killed worker leaves processes, and a clean-up ends them all, even those that hide', limits, async () => {
  const run = 'setsid sleep 1000 > /dev/null 2>&1 & env -i setsid sleep 1001 > /dev/null 2>&1 & sleep 0.2';
  const { server, worker, volumeDir } = await start({ manifest: { scripts: only({ start: script(run) }) } });
  await server.event('worker.ready');
  worker.process.kill('SIGKILL');
  await worker.exit;
  const { environmentId } = server.manifest;
  expect(processesOf(environmentId).length).toBeGreaterThan(0);
  runCleanup([environmentId, volumeDir]);
  expect(processesOf(environmentId)).toEqual([]);
  expect(commandLines()).not.toContain('sleep 1001');
  expect(existsSync(join(volumeDir, 'home/shop'))).toBe(true);
  runCleanup([environmentId, volumeDir, '--erase']);
  runCleanup([environmentId, volumeDir, '--erase']);
  expect(existsSync(volumeDir)).toBe(false);
});

test('a helper that dies is started again, and the environment runs on', { timeout: 150_000 }, async () => {
  const { server } = await start();
  await server.event('worker.ready');
  const [helper] = processesOf(server.manifest.environmentId);
  process.kill(helper!, 'SIGKILL');
  await server.until(() => processesOf(server.manifest.environmentId).some((pid) => pid !== helper), 'another helper');
  const beats = server.heartbeats.length;
  // A look at git that met the dead helper is taken again no sooner than its pace allows, which a busy machine slows.
  const seesGit = () => server.heartbeats.slice(beats + 1).some(({ git }) => git?.length);
  await server.until(seesGit, 'heartbeats go on', 100_000);
  expect(server.all('worker.failed')).toEqual([]);
});

function randomText(length: number): string {
  return execFileSync('head', ['-c', String(length), '/dev/urandom'], { maxBuffer: length * 2 }).toString('base64');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function commandLines(): string {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
}
