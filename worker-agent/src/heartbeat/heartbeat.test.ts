import { type FakeClock, fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import type { Heartbeat } from '@easel/schema/wire/worker';
import { beforeEach, expect, test } from 'vitest';
import type { Usage } from '../containers/runtime.ts';
import type { Inside } from '../inside/client.ts';
import { Activity } from './activity.ts';
import { Heart } from './heartbeat.ts';

let clock: FakeClock;
let beats: Heartbeat[];
let activity: Activity;
let heart: Heart;
let ending: AbortController;

beforeEach(() => {
  clock = fakeClock(1_000_000);
  beats = [];
  activity = new Activity(clock);
  heart = new Heart({ beat: (beat) => beats.push(beat) > 0, activity, clock, log: silentLog });
  ending = new AbortController();
});

const usageOf = (cpuSeconds: number): Usage => ({ cpuSeconds, memoryBytes: 5.5, memoryLimitBytes: null, processes: 3 });
const idleInside = {
  listeningPorts: async () => [{ port: 8080, process: 'node' }],
  spawn: () => Promise.reject(new Error('no git here')),
} as unknown as Inside;

function watch(usage: () => Promise<Usage | null>, inside = idleInside) {
  heart.watch({
    runtime: { usage },
    inside,
    volumeDir: '/',
    clonePath: '/x',
    sessions: () => ({ ssh: 1, port: 2 }),
    visitors: () => [],
  });
}

test('beats from the start, at the pace of the server, until it is over', async () => {
  const running = heart.run(ending.signal);
  await clock.advance(0);
  expect(beats).toMatchObject([{ resources: null, git: null, ports: [], sessions: { ssh: 0, port: 0 } }]);
  await clock.advance(30_000);
  expect(beats).toHaveLength(4);
  heart.pace = 2_000;
  await clock.advance(4_000);
  expect(beats).toHaveLength(7);
  ending.abort();
  await running;
  expect(clock.pending).toBe(0);
});

test('tells what goes on inside as soon as there is something, and again after a second', async () => {
  const running = heart.run(ending.signal);
  await clock.advance(0);
  watch(async () => usageOf(1));
  await clock.advance(0);
  expect(beats.at(-1)).toMatchObject({
    resources: { cpus: 0, memoryBytes: 6, processes: 3 },
    ports: [{ port: 8080, process: 'node' }],
    sessions: { ssh: 1, port: 2 },
  });
  await clock.advance(1_000);
  expect(beats).toHaveLength(3);
  await clock.advance(9_000);
  expect(beats).toHaveLength(3);
  ending.abort();
  await running;
});

test('processor time between two beats is a share of a core, and a busy one is activity', async () => {
  let cpuSeconds = 10;
  watch(async () => usageOf(cpuSeconds));
  const running = heart.run(ending.signal);
  await clock.advance(1_000);
  await clock.advance(10_000);
  expect(beats.at(-1)!.activity.sources).toEqual([]);
  cpuSeconds += 15;
  await clock.advance(10_000);
  expect(beats.at(-1)).toMatchObject({ resources: { cpus: 1.5 }, activity: { sources: ['cpu'] } });
  cpuSeconds = 2;
  await clock.advance(10_000);
  expect(beats.at(-1)).toMatchObject({ resources: { cpus: 0 }, activity: { sources: [] } });
  ending.abort();
  await running;
});

test('whoever is stuck or fails does not hold the beat up', async () => {
  const stuck = { ...idleInside, listeningPorts: () => new Promise(() => undefined) } as unknown as Inside;
  watch(() => Promise.reject(new Error('no daemon')), stuck);
  const running = heart.run(ending.signal);
  await clock.advance(3_000);
  expect(beats).toMatchObject([{ resources: null, ports: [] }]);
  ending.abort();
  await running;
});

test('activity is told once, with its moment', async () => {
  const startedAt = new Date(clock.now()).toISOString();
  expect(activity.take()).toEqual({ lastActiveAt: startedAt, sources: [] });
  await clock.advance(5_000);
  activity.mark('ssh');
  activity.mark('terminal');
  activity.mark('ssh');
  await clock.advance(5_000);
  const lastActiveAt = new Date(clock.now() - 5_000).toISOString();
  expect(activity.take()).toEqual({ lastActiveAt, sources: ['ssh', 'terminal'] });
  expect(activity.take()).toEqual({ lastActiveAt, sources: [] });
});
