import { tmpdir } from 'node:os';
import { type FakeClock, fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { newId } from '@easel/schema/ids';
import type { WorkerEvent } from '@easel/schema/wire/worker';
import { beforeEach, expect, test, vi } from 'vitest';
import { Freezer } from './freezer.ts';

let clock: FakeClock;
let events: WorkerEvent[];
let holds: number[];
let thaws: number;
let isWhole: boolean;
let mayFreeze: boolean;
let isBusy: boolean;
let freezer: Freezer;
const snapshotId = newId('snapshot');
const freeze = (id = snapshotId) => freezer.freeze({ type: 'worker.freeze', snapshotId: id, limitSeconds: 60 });
const thaw = (id = snapshotId) => freezer.thaw({ type: 'worker.thaw', snapshotId: id });
const heard = (count: number) => vi.waitFor(() => expect(events).toHaveLength(count));

beforeEach(() => {
  clock = fakeClock();
  events = [];
  holds = [];
  thaws = 0;
  isWhole = true;
  mayFreeze = true;
  isBusy = false;
  freezer = new Freezer({
    volumeDir: `${tmpdir()}/no-such-volume`,
    report: (event) => events.push(event),
    isBusy: () => isBusy,
    clock,
    log: silentLog,
    hold: async (_dir, limitSeconds) => {
      holds.push(limitSeconds);
      if (!mayFreeze) return null;
      return { thaw: async () => ++thaws > 0 && isWhole };
    },
  });
});

test('frozen until it is thawed, and asked again it says so again', async () => {
  freeze();
  await heard(1);
  freeze();
  await heard(2);
  expect(thaws).toBe(0);
  thaw();
  await heard(3);
  expect(events).toEqual([
    { type: 'volume.frozen', snapshotId },
    { type: 'volume.frozen', snapshotId },
    { type: 'volume.thawed', snapshotId, problem: null },
  ]);
  expect([holds.length, thaws, clock.pending]).toEqual([1, 1, 0]);
  expect(holds[0]).toBeGreaterThan(60);
});

test('where it may not be frozen it is synced, and held all the same', async () => {
  mayFreeze = false;
  freeze();
  await heard(1);
  thaw();
  await heard(2);
  expect(events[1]).toMatchObject({ problem: null });
});

test('while a start or a stop writes, nothing is frozen', async () => {
  isBusy = true;
  freeze();
  await heard(1);
  expect(holds).toEqual([]);
});

test('the limit thaws by itself, and a late thaw says nothing more', async () => {
  freeze();
  await heard(1);
  await clock.advance(60_000);
  await heard(2);
  expect(events[1]).toMatchObject({ type: 'volume.thawed', problem: expect.stringContaining('60 seconds') });
  thaw();
  await freezer.end();
  expect(events).toHaveLength(2);
});

test('a file system that thawed too early spoils the cut', async () => {
  isWhole = false;
  freeze();
  await heard(1);
  thaw();
  await heard(2);
  expect(events[1]).toMatchObject({ problem: expect.stringContaining('did not stay frozen') });
});

test('another snapshot takes the place of the first', async () => {
  const other = newId('snapshot');
  freeze();
  freeze(other);
  thaw();
  thaw(other);
  await heard(4);
  expect(events).toMatchObject([
    { type: 'volume.frozen', snapshotId },
    { type: 'volume.thawed', snapshotId, problem: expect.any(String) },
    { type: 'volume.frozen', snapshotId: other },
    { type: 'volume.thawed', snapshotId: other, problem: null },
  ]);
});

test('the end thaws, and nothing is frozen after it', async () => {
  freeze();
  await heard(1);
  await freezer.end();
  expect(thaws).toBe(1);
  expect(events.at(-1)).toMatchObject({ type: 'volume.thawed', problem: expect.stringContaining('ended') });
  freeze();
  await freezer.end();
  expect(events).toHaveLength(2);
});
