/** A whole worker against a fake server, in the process runtime, with real git repositories. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { FakeServer, type FakeServerOptions } from './fake-server.ts';
import {
  insidePack,
  makeRepository,
  makeScratch,
  removeScratch,
  type StartedWorker,
  startWorker,
} from './start-worker.ts';

const scratch = makeScratch();
let insideDir: string;
let repository: string;
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
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => removeScratch(scratch));

async function start(options: FakeServerOptions = {}, volume = `volume-${servers.length}-${Date.now()}`) {
  const sources = { url: repository, branch: null };
  const server = await new FakeServer({ ...options, manifest: { sources, ...options.manifest } }).listen();
  servers.push(server);
  const volumeDir = join(scratch, 'volumes', volume);
  const worker = startWorker(server, { volumeDir, insideDir, runtime: 'process' });
  workers.push(worker);
  return { server, worker, volumeDir };
}

test('brings an environment up, step by step, and ends it cleanly when asked', { timeout: 60_000 }, async () => {
  const script = (run: string) => ({ run, timeoutSeconds: 20 });
  const { server, worker, volumeDir } = await start({
    manifest: {
      env: { GREETING: 'salut' },
      scripts: {
        init: script('echo init ran in $PWD; echo once >> ~/init-count'),
        start: script('echo $GREETING from $EASEL_PROJECT; echo oops >&2'),
        stop: script('echo bye > ~/stopped'),
      },
    },
  });
  const ready = await server.event('worker.ready');
  expect(ready).toMatchObject({ runtime: 'process', home: join(volumeDir, 'home') });
  expect(server.all('step.finished').map(({ step }) => step)).toEqual(['volume', 'sources', 'containers', 'hooks']);
  expect(server.all('step.skipped').map(({ step }) => step)).toEqual(['image', 'ide']);
  const clone = join(volumeDir, 'home/shop');
  expect(readFileSync(join(clone, 'README.md'), 'utf8')).toBe('hello\n');
  await server.until(() => server.text('hooks').includes('oops'), 'output of the start script');
  expect(server.text('hooks')).toContain(`init ran in ${clone}`);
  expect(server.text('hooks')).toContain(`salut from ${clone}`);
  await server.until(() => server.heartbeats.some(({ git }) => git.length > 0), 'git status');
  server.stop();
  expect(await server.event('worker.stopped')).toMatchObject({ isClean: true });
  expect(await worker.exit).toBe(0);
  expect(existsSync(join(volumeDir, 'home/stopped'))).toBe(true);
  expect(server.problems).toEqual([]);
});
