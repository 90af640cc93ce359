/** The worker's image as a pod: a Docker daemon inside, the dev container inside of that. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newId } from '@easel/schema/ids';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../test/kit/describe-with.ts';
import { makeDisk } from './disk.ts';
import { FakeServer, type FakeServerOptions } from './fake-server.ts';
import { makeImage, removeImage } from './images.ts';
import { docker, machineAddress, type Pod, startPod, workerImage } from './pod.ts';
import { type Registry, SIGN_IN, startRegistry } from './registry.ts';
import { makeRepository, makeScratch, removeScratch } from './start-worker.ts';

/** The first build of the image installs packages. */
const buildLimitMs = 900_000;
const limits = { timeout: 180_000 };
const LOCAL = 'easel-test/in-pod:1';

describeWith(['docker', 'docker registry', 'static busybox', 'debootstrap'], 'the image of the worker', () => {
  let scratch: string;
  let repository: string;
  let image: string;
  let address: string;
  let registry: Registry;
  let count = 0;
  const pods: Pod[] = [];
  const servers: FakeServer[] = [];
  const volumes: string[] = [];

  beforeAll(async () => {
    scratch = makeScratch();
    repository = makeRepository(scratch, 'shop', { 'README.md': 'hello\n' });
    address = machineAddress();
    image = workerImage();
    registry = await startRegistry();
    makeImage({
      name: LOCAL,
      changes: ['USER dev'],
      files: {
        'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/sh\n' },
        'etc/group': { text: 'dev:x:1000:\n' },
      },
    });
    registry.push(LOCAL, 'team/in-pod:1');
  }, buildLimitMs);

  afterEach(async () => {
    for (const pod of pods.splice(0)) pod.remove();
    for (const server of servers.splice(0)) {
      expect(server.problems).toEqual([]);
      await server.close();
    }
  });

  afterAll(async () => {
    await registry?.stop();
    for (const volume of volumes) docker('volume', 'rm', '--force', volume);
    removeImage(LOCAL);
    removeScratch(scratch);
  });

  function newVolume(): string {
    const name = `easel-test-${process.pid}-${count++}`;
    docker('volume', 'create', name);
    volumes.push(name);
    return name;
  }

  /** What the pods of this test pull, and with what. */
  function registrySecret(): string {
    const dir = join(scratch, `secrets-${count++}`);
    const auth = Buffer.from(`${SIGN_IN.username}:${SIGN_IN.password}`).toString('base64');
    mkdirSync(join(dir, 'registries/pull-secret'), { recursive: true });
    const config = { auths: { [`${address}:${registry.port}`]: { auth } } };
    writeFileSync(join(dir, 'registries/pull-secret/config.json'), JSON.stringify(config));
    return dir;
  }

  async function start(
    options: FakeServerOptions & { volume?: string; env?: Record<string, string>; secretsDir?: string } = {},
  ) {
    const { volume = newVolume(), env, secretsDir = registrySecret(), ...rest } = options;
    const server = await new FakeServer({
      host: address,
      ...rest,
      manifest: {
        sources: { url: repository, branch: null },
        image: `${address}:${registry.port}/team/in-pod:1`,
        limits: { imageSeconds: 90, sourcesSeconds: 30, containersSeconds: 60 },
        ...rest.manifest,
      },
    }).listen();
    servers.push(server);
    const dockerdConfig = { registryMirrors: [], insecureRegistries: [`${address}:${registry.port}`] };
    const pod = startPod({
      server,
      image,
      volume,
      secretsDir,
      mounts: [scratch],
      env: {
        EASEL_DOCKERD_CONFIG: JSON.stringify(dockerdConfig),
        EASEL_REGISTRY_CREDENTIALS_DIR: '/run/easel/registries',
        ...env,
      },
    });
    pods.push(pod);
    return { server, pod, volume };
  }

  /** The next start of the same environment. */
  const nextOf = ({ manifest }: FakeServer) => ({
    ...manifest,
    workerId: newId('worker'),
    generation: manifest.generation + 1,
  });
  const script = (run: string) => ({ run, timeoutSeconds: 30 });

  test(
    'a dev container comes up inside and ends before the pod; the next pod finds image and home',
    limits,
    async () => {
      const scripts = {
        init: script('echo kept > ~/note'),
        start: script('env; cat ~/note'),
        stop: script('echo bye'),
      };
      const first = await start({
        manifest: { scripts },
        env: {
          EASEL_FORWARDED_ENV: JSON.stringify({ TEAM: 'blue' }),
          HTTP_PROXY: 'http://proxy.example.com:3128',
          NO_PROXY: address,
        },
      });
      await first.server.event('worker.ready', 120_000);
      await first.server.until(() => first.server.text('hooks').includes('kept'), 'the note');
      const hooks = first.server.text('hooks');
      for (const line of [
        'TEAM=blue',
        'http_proxy=http://proxy.example.com:3128',
        `NO_PROXY=${address},localhost,127.0.0.1,::1`,
        'kept',
      ]) {
        expect(hooks).toContain(line);
      }
      expect(first.pod.exec('docker', 'info', '--format', '{{.Driver}} {{.DockerRootDir}}')).toBe(
        'overlay2 /easel/volume/docker',
      );
      await first.server.until(() => (first.server.heartbeats.at(-1)?.resources?.processes ?? 0) > 0, 'metrics');

      expect(await first.pod.end()).toBe(0);
      expect(first.server.all('worker.stopped')).toMatchObject([{ isClean: true }]);
      expect(first.server.text('worker')).toContain('bye');

      const second = await start({ manifest: nextOf(first.server), volume: first.volume });
      await second.server.event('worker.ready', 60_000);
      expect(second.server.text('image')).toContain('is present');
      await second.server.until(() => second.server.text('hooks').includes('kept'), 'the note');
      expect(await second.pod.end()).toBe(0);
    },
  );

  test('the daemon is in a cgroup of its own beside the containers', limits, async () => {
    const { server, pod } = await start();
    await server.event('worker.ready', 120_000);
    const groups = pod
      .exec('sh', '-c', 'for p in $(pidof dockerd) 1; do cat /proc/$p/cgroup; echo; done')
      .split('\n\n');
    const memoryOf = (text = '') => /^(?:\d+:memory|0:):(.*)$/m.exec(text)?.[1] ?? '';
    expect(memoryOf(groups[0])).toMatch(/\/easel-dockerd$/);
    expect(memoryOf(groups[1])).not.toMatch(/easel-dockerd/);
    const inner = pod.exec('docker', 'ps', '--quiet', '--no-trunc');
    expect(pod.exec('sh', '-c', `cat /proc/$(docker inspect -f '{{.State.Pid}}' ${inner})/cgroup`)).toContain(
      `/docker/${inner}`,
    );
  });

  test('a pod that is killed leaves a volume that the next one starts on', limits, async () => {
    const first = await start();
    await first.server.event('worker.ready', 120_000);
    first.pod.kill();
    const second = await start({ manifest: nextOf(first.server), volume: first.volume });
    await second.server.event('worker.ready', 60_000);
    expect(second.pod.exec('docker', 'ps', '--all', '--quiet').split('\n')).toHaveLength(1);
    expect(await second.pod.end()).toBe(0);
    expect(second.server.all('worker.stopped')).toMatchObject([{ isClean: true }]);
  });

  test('a daemon that dies fails the environment and says so', limits, async () => {
    const { server, pod } = await start();
    await server.event('worker.ready', 120_000);
    pod.exec('sh', '-c', 'kill -9 $(pidof dockerd)');
    const { failure } = await server.event('worker.failed', 30_000);
    expect(failure).toMatchObject({ class: 'platform', message: expect.stringContaining('Docker daemon') });
  });

  test('a daemon that cannot start fails the step with its own words', limits, async () => {
    const config = { registryMirrors: ['http://bad host'], insecureRegistries: [] };
    const { server } = await start({ env: { EASEL_DOCKERD_CONFIG: JSON.stringify(config) } });
    const { failure } = await server.event('worker.failed', 60_000);
    expect(failure).toMatchObject({ class: 'platform', step: 'image', message: expect.stringContaining('bad host') });
    expect(server.text('dockerd')).toContain('bad host');
  });

  test('without a sign-in the registry refuses', limits, async () => {
    const { server } = await start({ secretsDir: join(scratch, 'no-secrets') });
    const { failure } = await server.event('worker.failed', 120_000);
    expect(failure).toMatchObject({ class: 'image', message: expect.stringContaining('sign in') });
  });

  test('a volume that is a disk of its own is frozen for a snapshot, daemon and all, and thawed', limits, async () => {
    const disk = makeDisk('512M');
    try {
      const { server, pod } = await start({ volume: disk.dir });
      await server.event('worker.ready', 120_000);
      const snapshotId = newId('snapshot');
      server.send({ type: 'worker.freeze', snapshotId, limitSeconds: 60 });
      await server.event('volume.frozen');
      const writing = promisify(execFile)('touch', [join(disk.dir, 'during')]).then(() => 'written');
      const late = new Promise((resolve) => setTimeout(resolve, 1_000, 'waits'));
      expect(await Promise.race([writing, late])).toBe('waits');
      server.send({ type: 'worker.thaw', snapshotId });
      expect(await server.event('volume.thawed')).toMatchObject({ snapshotId, problem: null });
      expect(await writing).toBe('written');
      expect(await pod.end()).toBe(0);
      expect(server.all('worker.stopped')).toMatchObject([{ isClean: true }]);
    } finally {
      for (const pod of pods.splice(0)) pod.remove();
      disk.remove();
    }
  });

  test('what loses its parent is reaped', limits, async () => {
    const { server, pod } = await start();
    await server.event('worker.ready', 120_000);
    pod.exec('sh', '-c', 'sh -c "sleep 0.2 &" ; sleep 1');
    expect(pod.exec('sh', '-c', 'grep -l "^State:.Z" /proc/[0-9]*/status || true')).toBe('');
  });
});
