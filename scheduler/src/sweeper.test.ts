import { fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { newId } from '@easel/schema/ids';
import { ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { beforeEach, expect, test } from 'vitest';
import { FakePlatform, FakeServer } from './fakes.ts';
import { graceMs, Sweeper } from './sweeper.ts';

const clock = fakeClock();
let server: FakeServer;
let platform: FakePlatform;
let sweeper: Sweeper;
const id = newId('environment');

beforeEach(() => {
  server = new FakeServer();
  platform = new FakePlatform();
  platform.volumes.add(id);
  sweeper = new Sweeper({ api: server, platform, log: silentLog, clock, metrics: createMetrics('test') });
});

async function sweepAfter(ms: number): Promise<boolean> {
  await clock.advance(ms);
  await sweeper.sweep();
  return platform.volumes.has(id);
}

test('the volume of a known environment is never touched, whatever its phase', async () => {
  for (const phase of ENVIRONMENT_PHASES.filter((one) => one !== 'deleted')) {
    server.phases.set(id, phase);
    for (let day = 0; day < 3; day++) expect(await sweepAfter(graceMs.unknown)).toBe(true);
  }
});

test('what is left of a deleted environment is reported first, then removed', async () => {
  server.phases.set(id, 'deleted');
  expect(await sweepAfter(0)).toBe(true);
  expect(await sweepAfter(graceMs.deleted - 1)).toBe(true);
  expect(await sweepAfter(1)).toBe(false);
});

test('what the server has never heard of is kept for a day', async () => {
  expect(await sweepAfter(0)).toBe(true);
  expect(await sweepAfter(graceMs.unknown - 1)).toBe(true);
  expect(await sweepAfter(1)).toBe(false);
});

test('an unknown environment that becomes known is no orphan any more, and the wait begins anew', async () => {
  await sweepAfter(0);
  server.phases.set(id, 'stopped');
  await sweepAfter(graceMs.unknown);
  server.phases.delete(id);
  expect(await sweepAfter(0)).toBe(true);
  expect(await sweepAfter(graceMs.unknown - 1)).toBe(true);
});

test('nothing is removed while the server cannot be asked', async () => {
  server.phases.set(id, 'deleted');
  await sweepAfter(0);
  server.isReachable = false;
  await expect(sweepAfter(graceMs.unknown)).rejects.toThrow('the server is away');
  expect(platform.volumes.has(id)).toBe(true);
});
