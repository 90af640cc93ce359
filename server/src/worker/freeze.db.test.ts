import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { suiteDatabase } from '../http/server.kit.ts';
import { routeUpgrades } from '../live/upgrade.ts';
import { type House, openHouse } from './house.kit.ts';
import { dialWorker, READY, type TestWorker } from './test-worker.kit.ts';
import { createWorkerGateway } from './worker-gateway.ts';

let house: House;
let url: string;
const open: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  house = await openHouse(suiteDatabase());
  const available = { isAvailable: true, reason: null };
  await house.db.platform.update({
    where: { id: house.platformActor.platformId },
    data: { features: { snapshots: available, expansion: available } },
  });
  const gateway = createWorkerGateway({ ...house, heartbeatSeconds: 10 });
  const server = createServer();
  routeUpgrades(server, { '/worker': gateway.upgrade });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/worker`;
  return async () => {
    await gateway.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
afterAll(() => house?.close());

async function dial(...args: Parameters<typeof dialWorker>): Promise<TestWorker> {
  const worker = await dialWorker(...args);
  open.push(async () => worker.cut());
  await worker.message('worker.welcome');
  return worker;
}

async function running() {
  const owner = await house.newUser();
  const place = await house.placed(owner);
  const worker = await dial(url, place);
  worker.report(1, READY);
  await worker.message('report.ack');
  const take = async () => (await house.snapshots.take(owner, { id: place.environmentId })).id;
  const say = (...observations: unknown[]) => house.snapshotScheduler.report(house.platformActor, observations);
  const isQuiet = async () => (await house.snapshotScheduler.list(house.platformActor)).at(-1)?.isQuiet;
  return { place, worker, take, say, isQuiet };
}

it('freezes a worker for a snapshot, and thaws it when the cut is made', async () => {
  const { worker, take, say, isQuiet } = await running();
  const snapshotId = await take();
  expect(await worker.message('worker.freeze')).toEqual({ type: 'worker.freeze', snapshotId, limitSeconds: 60 });
  expect(await isQuiet()).toBe(false);
  worker.report(2, { type: 'volume.frozen', snapshotId });
  await expect.poll(isQuiet).toBe(true);
  await say({ type: 'taken', snapshotId });
  expect(await worker.message('worker.thaw')).toEqual({ type: 'worker.thaw', snapshotId });
  worker.report(3, { type: 'volume.thawed', snapshotId, problem: null });
  await worker.message('report.ack', ({ number }) => number === 3);
  expect((await house.db.snapshot.findUniqueOrThrow({ where: { id: snapshotId } })).freeze).toBe('thawed');
  expect(worker.got.filter(({ type }) => type === 'worker.freeze' || type === 'worker.thaw')).toHaveLength(2);
});

it('says it again after a reconnect, and thaws what a lost connection has left frozen', async () => {
  const { place, worker, take, say } = await running();
  const snapshotId = await take();
  await worker.message('worker.freeze');
  worker.cut();
  await worker.closed;
  const second = await dial(url, place, { secret: worker.secret });
  await second.message('worker.freeze');
  second.report(2, { type: 'volume.frozen', snapshotId });
  await second.message('report.ack');
  second.cut();
  await second.closed;
  await say({ type: 'taken', snapshotId });
  const third = await dial(url, place, { secret: worker.secret });
  expect(await third.message('worker.thaw')).toEqual({ type: 'worker.thaw', snapshotId });
  expect(third.got.some(({ type }) => type === 'worker.freeze')).toBe(false);
});

it('tells it once in a connection', async () => {
  const { place, worker, take } = await running();
  await take();
  await worker.message('worker.freeze');
  for (let i = 0; i < 3; i++) {
    await house.db.$executeRawUnsafe(`SELECT pg_notify('easel', $1)`, `w${place.environmentId}`);
  }
  await worker.say({ type: 'worker.report', number: 2, at: new Date().toISOString(), event: READY });
  await worker.message('report.ack', ({ number }) => number === 2);
  expect(worker.got.filter(({ type }) => type === 'worker.freeze')).toHaveLength(1);
});
