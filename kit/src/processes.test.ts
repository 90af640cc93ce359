import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { endProcess, findProcesses, identifyProcess, isRunning, processEnded, signalProcess } from './processes.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Returns once the process is up and has done what comes `first`. */
async function start(
  script: string,
  { env = {}, first = ':' }: { env?: Record<string, string>; first?: string } = {},
): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn('/bin/sh', ['-c', `${first}; echo up; ${script}`], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return { child, pid: child.pid! };
}

test('a process is named by pid and start time, and is running until it ends', async () => {
  const { child, pid } = await start('exec sleep 60');
  const identity = identifyProcess(pid)!;
  expect(isRunning(identity)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isRunning(identity)).toBe(false);
  expect(identifyProcess(pid)).toBeNull();
});

test('a process that was given the pid of another is not signalled', async () => {
  const { pid } = await start('exec sleep 60');
  const identity = identifyProcess(pid)!;
  const earlier = { ...identity, startTicks: identity.startTicks - 1 };
  const beforeTheReboot = { ...identity, bootId: randomUUID() };
  expect(signalProcess(earlier, 'SIGKILL')).toBe(false);
  expect(signalProcess(beforeTheReboot, 'SIGKILL')).toBe(false);
  expect(isRunning(identity)).toBe(true);
});

test('a process that heeds SIGTERM ends by itself', async () => {
  const { pid } = await start('exec sleep 60');
  expect(await endProcess(identifyProcess(pid)!, 5_000)).toBe('ended');
});

test('a process that does not heed SIGTERM is killed after its time', async () => {
  const { pid } = await start('while :; do sleep 0.05; done', { first: 'trap "" TERM' });
  const identity = identifyProcess(pid)!;
  expect(await endProcess(identity, 100)).toBe('killed');
  expect(isRunning(identity)).toBe(false);
});

test('waiting for an end gives up at its limit', async () => {
  const { pid } = await start('exec sleep 60');
  expect(await processEnded(identifyProcess(pid)!, 60)).toBe(false);
});

test('processes are found by their environment', async () => {
  const marker = randomUUID();
  const { pid } = await start('sleep 60', { env: { EASEL_TEST_MARKER: marker } });
  const found = findProcesses((env) => env.EASEL_TEST_MARKER === marker);
  expect(found.filter((one) => one.isSessionLeader).map((one) => one.identity.pid)).toEqual([pid]);
  expect(found.every((one) => one.env.EASEL_TEST_MARKER === marker)).toBe(true);
});
