/** Whole workers against a fake server, with a real Docker daemon and images made of busybox. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { socketDirPrefix } from '../src/containers/socket-dir.ts';
import { FakeServer, type FakeServerOptions } from './fake-server.ts';
import { makeImage, removeImage, whyNoDocker } from './images.ts';
import {
  insidePack,
  makeRepository,
  makeScratch,
  removeScratch,
  runCleanup,
  type StartedWorker,
  startWorker,
} from './start-worker.ts';

const missing = await whyNoDocker();
if (missing !== null && process.env.EASEL_TEST_REQUIRE === 'all') throw new Error(missing);
const limits = { timeout: 60_000 };
const scratch = makeScratch();
const ROOT = 'easel-test/root:1';
const DEV = 'easel-test/dev:1';
const BARE = 'easel-test/bare:1';
let insideDir: string;
let repository: string;
let count = 0;
const servers: FakeServer[] = [];
const workers: StartedWorker[] = [];

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
const containersOf = (server: FakeServer) =>
  docker('ps', '-aq', '--filter', `label=easel.environment=${server.manifest.environmentId}`);
const script = (run: string, timeoutSeconds = 20) => ({ run, timeoutSeconds });
const only = (scripts: Partial<FakeServer['manifest']['scripts']>) => ({
  init: null,
  start: null,
  stop: null,
  ...scripts,
});

describe.skipIf(missing !== null)('in Docker', () => {
  beforeAll(async () => {
    insideDir = await insidePack();
    repository = makeRepository(scratch, 'shop', { 'README.md': 'hello\n' });
    makeImage({ name: ROOT });
    makeImage({
      name: DEV,
      changes: ['USER dev', 'ENV FLAVOUR=vanilla', 'ENV PATH=/bin:/opt/tools'],
      files: {
        'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\ndev:x:4321:4322::/home/dev:/bin/sh\n' },
        'etc/group': { text: 'dev:x:4322:\n' },
        'home/dev/.profile': { text: 'export FROM_IMAGE=yes\n', uid: 4321 },
      },
    });
    makeImage({ name: BARE, hasPrograms: false });
  }, 120_000);

  afterEach(async () => {
    for (const worker of workers.splice(0)) {
      worker.process.kill('SIGTERM');
      await worker.exit;
    }
    for (const server of servers.splice(0)) {
      expect(server.problems).toEqual([]);
      expect(containersOf(server)).toBe('');
      const prefix = socketDirPrefix(server.manifest.environmentId);
      expect(readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))).toEqual([]);
      await server.close();
    }
  }, 60_000);

  afterAll(() => {
    for (const image of [ROOT, DEV, BARE]) removeImage(image);
    removeScratch(scratch);
  });

  async function start(options: FakeServerOptions & { volumeDir?: string; user?: { uid: number; gid: number } } = {}) {
    const sources = { url: repository, branch: null };
    const server = await new FakeServer({
      ...options,
      manifest: { sources, image: DEV, ...options.manifest },
    }).listen();
    servers.push(server);
    const volumeDir = options.volumeDir ?? join(scratch, 'volumes', `volume-${count++}`);
    const worker = startWorker(server, {
      volumeDir,
      insideDir,
      runtime: 'docker',
      ...(options.user && { user: options.user }),
    });
    workers.push(worker);
    return { server, worker, volumeDir, home: join(volumeDir, 'home') };
  }

  test('brings an image up as its own user, with its home on the volume, and ends it cleanly', limits, async () => {
    const { server, worker, home } = await start({
      manifest: {
        env: { GREETING: 'salut' },
        scripts: only({
          init: script('id -u; id -g; echo $HOME $PWD $FLAVOUR $GREETING; cat ~/.profile; touch ~/made'),
          start: script('sleep 1000 & env > ~/env'),
          stop: script('touch ~/stopped'),
        }),
        resources: { cpus: 1, memoryBytes: 512 * 1024 * 1024 },
      },
    });
    expect(await server.event('worker.ready')).toMatchObject({
      runtime: 'docker',
      user: 'dev',
      home: '/home/dev',
      project: '/home/dev/shop',
      shell: '/bin/sh',
    });
    expect(server.all('step.finished').map(({ step }) => step)).toEqual([
      'image',
      'volume',
      'sources',
      'containers',
      'hooks',
    ]);
    await server.until(() => server.text('hooks').includes('FROM_IMAGE'), 'output');
    expect(server.text('hooks')).toContain('4321\n4322\n/home/dev /home/dev/shop vanilla salut');
    for (const path of ['', '.profile', '.gitconfig', 'made', 'shop', 'shop/README.md', 'shop/.git']) {
      expect({ path, uid: statSync(join(home, path)).uid }).toEqual({ path, uid: 4321 });
    }
    expect(readFileSync(join(home, 'env'), 'utf8')).not.toContain(server.token);
    await server.until(() => server.heartbeats.some(({ resources }) => (resources?.processes ?? 0) > 2), 'resources');
    const { resources } = server.heartbeats.at(-1)!;
    expect(resources?.memoryLimitBytes).toBe(512 * 1024 * 1024);
    expect(resources?.memoryBytes).toBeGreaterThan(1_000_000);
    await server.until(() => server.heartbeats.some(({ git }) => git?.[0]?.branch === 'main'), 'git status');

    server.stop();
    expect(await server.event('worker.stopped')).toMatchObject({ isClean: true });
    expect(await worker.exit).toBe(0);
    expect(existsSync(join(home, 'stopped'))).toBe(true);
    expect(server.all('container.ended')).toMatchObject([{ name: 'dev', exitCode: 0 }]);
  });

  test('a start again keeps the home; another image with another user gets it as its own', limits, async () => {
    const first = await start({ manifest: { scripts: only({ init: script('echo mine > ~/note') }) } });
    await first.server.event('worker.ready');
    first.server.stop();
    await first.worker.exit;
    const again = await start({ volumeDir: first.volumeDir, manifest: { image: ROOT } });
    expect(await again.server.event('worker.ready')).toMatchObject({ user: 'root', home: '/root' });
    expect(readFileSync(join(again.home, 'note'), 'utf8')).toBe('mine\n');
    expect(statSync(join(again.home, 'note')).uid).toBe(0);
  });

  test('an image without a single program runs, but no script in it', limits, async () => {
    const { server } = await start({ manifest: { image: BARE } });
    expect(await server.event('worker.ready')).toMatchObject({ user: 'root' });
    const withScript = await start({ manifest: { image: BARE, scripts: only({ start: script('true') }) } });
    const { failure } = await withScript.server.event('worker.failed');
    expect(failure).toMatchObject({ class: 'script', step: 'hooks' });
    expect(failure.message).toContain('no shell');
  });

  test('sidecars are at localhost and at their names, and their output is in the log', limits, async () => {
    const sidecar = { image: ROOT, env: { WORD: 'served' } };
    const serve =
      'mkdir -p /www; echo $WORD > /www/index.html; echo sidecar is up; httpd -f -p 8123 -h /www & trap "kill $!; exit 0" TERM; wait';
    const fetch =
      'for i in 1 2 3 4 5 6 7 8 9; do printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc $HOST 8123 && break; sleep 0.3; done';
    const { server } = await start({
      manifest: {
        sidecars: [
          { ...sidecar, name: 'web', command: ['sh', '-c', serve] },
          { ...sidecar, name: 'brief', command: ['sh', '-c', 'echo bye; exit 3'] },
        ],
        scripts: only({ start: script(`HOST=localhost; ${fetch}; HOST=web; ${fetch}`) }),
      },
    });
    await server.event('worker.ready');
    await server.until(() => server.text('hooks').split('served').length === 3, 'what the sidecar serves, twice');
    await server.until(() => server.text('container:web').includes('sidecar is up'), 'output of the sidecar');
    await server.until(() => server.text('container:brief').includes('bye'), 'output of the other');
    expect(server.all('container.started').map(({ name }) => name)).toEqual(['dev', 'web', 'brief']);
    expect(server.all('container.ended')).toMatchObject([{ name: 'brief', exitCode: 3 }]);
  });

  test('environments do not see each other', limits, async () => {
    const one = await start({
      manifest: { scripts: only({ start: script('nc -l -p 8200 -e cat > /dev/null 2>&1 &') }) },
    });
    await one.server.event('worker.ready');
    const id = containersOf(one.server);
    const address = docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', id);
    const two = await start({
      manifest: { scripts: only({ start: script(`nc -w 2 ${address} 8200 < /dev/null && echo seen || echo unseen`) }) },
    });
    await two.server.event('worker.ready');
    await two.server.until(() => /^(un)?seen$/m.test(two.server.text('hooks')), 'outcome');
    expect(two.server.text('hooks')).toContain('unseen');
  });

  test('an image that cannot be pulled fails with the registry and its reason', limits, async () => {
    for (const [image, host] of [
      ['registry.invalid/team/app:1', 'registry.invalid'],
      ['127.0.0.1:9/team/app', '127.0.0.1:9'],
    ] as const) {
      const { server, worker } = await start({ manifest: { image } });
      const { failure } = await server.event('worker.failed', 40_000);
      expect(failure).toMatchObject({ class: 'image', step: 'image' });
      expect(failure.message).toContain(`The image ${image} cannot be pulled from ${host}: `);
      expect(await worker.exit).toBe(0);
    }
  });

  test('a sidecar that cannot be started fails the step and leaves no container', limits, async () => {
    const broken = { name: 'broken', image: ROOT, env: {}, command: ['/no/such/program'] };
    const { server } = await start({ manifest: { sidecars: [broken] } });
    const { failure } = await server.event('worker.failed');
    expect(failure).toMatchObject({ class: 'containers', step: 'containers' });
    expect(failure.message).toContain('The container broken cannot be started');
  });

  test('a dev container that somebody kills fails the environment', limits, async () => {
    const { server, worker } = await start();
    await server.event('worker.ready');
    docker('kill', containersOf(server));
    const { failure } = await server.event('worker.failed');
    expect(failure).toMatchObject({ class: 'containers', exitCode: 137 });
    expect(await worker.exit).toBe(0);
  });

  for (const step of ['image', 'volume', 'sources', 'containers', 'hooks']) {
    test(`a stop in the step ${step} ends cleanly`, limits, async () => {
      const { server, worker } = await start({ manifest: { scripts: only({ init: script('sleep 30') }) } });
      await server.until(() => server.all('step.started').some((event) => event.step === step), step);
      server.stop();
      expect(await worker.exit).toBe(0);
      expect(server.all('step.failed')).toEqual([]);
      expect(server.all('worker.stopped')).toMatchObject([{ isClean: true }]);
    });
  }

  test(
    'a program that does not heed the end is killed at the deadline, and the stop is not clean',
    limits,
    async () => {
      const stubborn = script(`trap '' TERM; sh -c 'while true; do sleep 1; done' > /dev/null 2>&1 &`);
      const { server, worker } = await start({ manifest: { scripts: only({ start: stubborn }) } });
      await server.event('worker.ready');
      server.stop(2);
      expect(await server.event('worker.stopped')).toMatchObject({ isClean: false });
      expect(await worker.exit).toBe(0);
    },
  );

  test('a killed worker leaves containers, and a clean-up removes them; erase removes the volume', limits, async () => {
    const sidecar = { name: 'idle', image: ROOT, env: {}, command: ['sleep', '1000'] };
    const { server, worker, volumeDir } = await start({ manifest: { sidecars: [sidecar] } });
    await server.event('worker.ready');
    worker.process.kill('SIGKILL');
    await worker.exit;
    expect(containersOf(server)).not.toBe('');
    runCleanup([server.manifest.environmentId, volumeDir]);
    expect(containersOf(server)).toBe('');
    expect(existsSync(volumeDir)).toBe(true);
    runCleanup([server.manifest.environmentId, volumeDir, '--erase']);
    expect(existsSync(volumeDir)).toBe(false);
  });

  test('a start again after a kill takes the place of what was left', limits, async () => {
    const first = await start();
    await first.server.event('worker.ready');
    first.worker.process.kill('SIGKILL');
    await first.worker.exit;
    const { environmentId } = first.server.manifest;
    const again = await start({ volumeDir: first.volumeDir, manifest: { environmentId } });
    await again.server.event('worker.ready');
    expect(containersOf(again.server).split('\n')).toHaveLength(1);
  });

  test('an agent that is not root serves images of any user, and removes what is theirs', {
    timeout: 120_000,
  }, async (context) => {
    const { gid } = statSync('/var/run/docker.sock', { throwIfNoEntry: false }) ?? { gid: 0 };
    if (process.getuid?.() !== 0 || gid === 0) return context.skip('needs root and a group that may use Docker');
    const user = { uid: 54_321, gid };
    for (const [image, uid] of [
      [DEV, 4321],
      [ROOT, 0],
    ] as const) {
      const volumes = join(scratch, `volumes-${uid}`);
      mkdirSync(volumes);
      chownSync(volumes, user.uid, user.gid);
      const volumeDir = join(volumes, 'volume');
      const scripts = only({
        init: script('mkdir -p ~/private; chmod 700 ~/private; touch ~/private/x; wc -l README.md'),
      });
      const first = await start({ volumeDir, user, manifest: { image, scripts } });
      await first.server.event('worker.ready');
      await first.server.until(
        () => first.server.heartbeats.some(({ git }) => git?.[0]?.branch === 'main'),
        'git status',
      );
      expect(statSync(join(first.home, 'private')).uid).toBe(uid);
      expect(statSync(join(first.home, 'shop/README.md')).uid).toBe(uid);
      first.server.stop();
      await first.worker.exit;
      const again = await start({ volumeDir, user, manifest: { image } });
      await again.server.event('worker.ready');
      again.server.stop();
      await again.worker.exit;
      runCleanup([again.server.manifest.environmentId, volumeDir, '--erase'], user);
      expect(existsSync(volumeDir)).toBe(false);
    }
  });
});
