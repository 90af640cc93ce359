import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@easel/kit/clock';
import { type EnvironmentId, newId } from '@easel/schema/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProcessGroup } from './process-group.ts';

let environmentId: EnvironmentId;
let marksDir: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  environmentId = newId('environment');
  marksDir = mkdtempSync(join(tmpdir(), 'easel-marks-'));
});
afterEach(async () => {
  await groupOf().end(0);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(marksDir, { recursive: true });
});

const groupOf = () => new ProcessGroup({ environmentId, marksDir, clock: systemClock });

/** A process of the environment that has started others by the time this resolves. */
async function start(script: string): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', `${script}\necho up\nwait`], {
    env: { EASEL_ENVIRONMENT_ID: environmentId, PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

test('knows who belongs to it by the marker, the session and the descent, and nobody else', async () => {
  const child = await start('sleep 100 & env -i setsid sleep 101 &');
  const stranger = spawn('sleep', ['100'], { stdio: 'ignore' });
  children.push(stranger);
  const pids = groupOf()
    .members()
    .map(({ pid }) => pid);
  expect(pids).toContain(child.pid);
  expect(pids).toHaveLength(3);
  expect(pids).not.toContain(stranger.pid);
  expect(pids).not.toContain(process.pid);
});

test('ends everybody gently, and says that it was clean', async () => {
  await start('sleep 100 & sleep 101 &');
  expect(await groupOf().end(5_000)).toEqual({ isClean: true });
  expect(groupOf().members()).toEqual([]);
});

test('kills those that do not heed, and says so', async () => {
  // What is ignored before a process is started it ignores from its first moment.
  await start(`trap '' TERM; sh -c 'sleep 100 & while true; do wait; done' &`);
  expect(await groupOf().end(300)).toEqual({ isClean: false });
  expect(groupOf().members()).toEqual([]);
});

test('an environment without processes ends at once', async () => {
  expect(await groupOf().end(10_000)).toEqual({ isClean: true });
});

test('a control group holds even those that left everything else behind', async (context) => {
  const group = groupOf();
  group.prepare();
  const record = join(marksDir, 'cgroup');
  if (!existsSync(record)) return context.skip('this user may make no control group here');
  const dir = readFileSync(record, 'utf8');
  const child = spawn('/bin/sh', ['-c', 'read go; env -i setsid sleep 1234 & exit 0'], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  group.adopt(child.pid!);
  child.stdin.end('go\n');
  await once(child, 'exit');
  expect(group.members()).toHaveLength(1);
  // As a clean-up in another process would find it.
  expect(await groupOf().end(2_000)).toEqual({ isClean: true });
  expect(existsSync(dir)).toBe(false);
  expect(existsSync(record)).toBe(false);
});
