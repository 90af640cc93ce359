import { silentLog } from '@easel/kit/log';
import { failure } from '@easel/schema/failure';
import { newId, type SnapshotId } from '@easel/schema/ids';
import type { SnapshotTask } from '@easel/schema/wire/snapshot';
import { describe, expect, test } from 'vitest';
import { FakeServer } from './fakes.ts';
import type { ObservedSnapshot, Snapshots } from './platform.ts';
import { PlatformRefusal } from './refusal.ts';
import { decideSnapshot, SnapshotKeeper } from './snapshots.ts';

const task = (fields: Partial<SnapshotTask> = {}): SnapshotTask => ({
  id: newId('snapshot'),
  environmentId: newId('environment'),
  state: 'waiting',
  isQuiet: true,
  ...fields,
});

describe('every state, every sight', () => {
  const sights: Record<string, ObservedSnapshot | null> = {
    nothing: null,
    taking: { kind: 'taking', isCut: false, reason: 'r' },
    cut: { kind: 'taking', isCut: true, reason: 'r' },
    ready: { kind: 'ready', sizeBytes: 1 },
    broken: { kind: 'broken', failure: failure({ class: 'volume', message: 'm' }) },
    deleting: { kind: 'deleting' },
  };
  const expected: Record<string, Record<string, string>> = {
    waiting: {
      nothing: 'take',
      taking: 'progress',
      cut: 'taken',
      ready: 'ready',
      broken: 'failed',
      deleting: 'failed',
    },
    taking: {
      nothing: 'failed',
      taking: 'progress',
      cut: 'progress',
      ready: 'ready',
      broken: 'failed',
      deleting: 'failed',
    },
    deleting: { nothing: 'deleted', taking: 'remove', cut: 'remove', ready: 'remove', broken: 'remove', deleting: '-' },
  };
  for (const [state, row] of Object.entries(expected)) {
    for (const [sight, act] of Object.entries(row)) {
      test(`${state}, ${sight}: ${act}`, () => {
        const action = decideSnapshot(task({ state: state as SnapshotTask['state'] }), sights[sight] ?? null);
        expect(action === null ? '-' : action.type === 'tell' ? action.observation.type : action.type).toBe(act);
      });
    }
  }

  test('no cut is made before the volume is at rest', () => {
    expect(decideSnapshot(task({ isQuiet: false }), null)).toBeNull();
  });
});

class FakeSnapshots implements Snapshots {
  readonly seen = new Map<SnapshotId, ObservedSnapshot>();
  refusal: Error | null = null;

  observe(id: SnapshotId): ObservedSnapshot | null {
    return this.seen.get(id) ?? null;
  }

  async take(id: SnapshotId): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.seen.set(id, { kind: 'taking', isCut: true, reason: 'copying' });
  }

  async remove(id: SnapshotId): Promise<void> {
    this.seen.delete(id);
  }
}

test('taken, told once per change, ready, removed', async () => {
  const api = new FakeServer();
  const snapshots = new FakeSnapshots();
  const keeper = new SnapshotKeeper({ api, snapshots, log: silentLog });
  const one = task();
  const types = () => api.snapshotObservations.map(({ type }) => type);
  api.snapshotTasks = [one];
  await keeper.turn();
  api.snapshotTasks = [{ ...one, state: 'taking' }];
  for (let n = 0; n < 3; n++) await keeper.turn();
  expect(types()).toEqual(['taken', 'progress']);
  snapshots.seen.set(one.id, { kind: 'ready', sizeBytes: 5 });
  await keeper.turn();
  api.snapshotTasks = [{ ...one, state: 'deleting' }];
  await keeper.turn();
  expect(types()).toEqual(['taken', 'progress', 'ready', 'deleted']);
  expect(api.snapshotObservations[2]).toMatchObject({ sizeBytes: 5 });
});

test('what the platform refuses fails; what it could not do is tried again', async () => {
  const api = new FakeServer();
  const snapshots = new FakeSnapshots();
  const keeper = new SnapshotKeeper({ api, snapshots, log: silentLog });
  api.snapshotTasks = [task()];
  snapshots.refusal = new Error('the API is away');
  await keeper.turn();
  expect(api.snapshotObservations).toEqual([]);
  snapshots.refusal = new PlatformRefusal('platform', 'The cluster has no snapshots.');
  await keeper.turn();
  expect(api.snapshotObservations).toMatchObject([
    { type: 'failed', failure: { message: 'The cluster has no snapshots.' } },
  ]);
});
