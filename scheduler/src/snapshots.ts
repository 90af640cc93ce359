/**
 * Snapshots, from wish to fact. The server says which are to be taken or deleted; the platform is looked at; one act or one
 * report follows. There is no lease: each is named after its id, so what is done twice is there already. If this process
 * dies, the next one finds it by its name and goes on.
 */
import type { Log } from '@easel/kit/log';
import { failure } from '@easel/schema/failure';
import type { SnapshotId } from '@easel/schema/ids';
import type { SnapshotObservation, SnapshotTask } from '@easel/schema/wire/snapshot';
import type { SchedulerApi } from './api.ts';
import type { ObservedSnapshot, Snapshots } from './platform.ts';
import { PlatformRefusal } from './refusal.ts';

export type SnapshotAction = { type: 'take' | 'remove' } | { type: 'tell'; observation: SnapshotObservation };

/** Pure. Null when nothing is to be done. */
export function decideSnapshot(task: SnapshotTask, seen: ObservedSnapshot | null): SnapshotAction | null {
  const snapshotId = task.id;
  const tell = (observation: SnapshotObservation): SnapshotAction => ({ type: 'tell', observation });
  const fail = (message: string) =>
    tell({ type: 'failed', snapshotId, failure: failure({ class: 'volume', message }) });
  if (task.state === 'deleting') {
    if (seen === null) return tell({ type: 'deleted', snapshotId });
    return seen.kind === 'deleting' ? null : { type: 'remove' };
  }
  if (task.state !== 'waiting' && task.state !== 'taking') return null;
  switch (seen?.kind) {
    case undefined:
      if (task.state === 'taking') return fail('The snapshot is gone from the cluster before it was ready.');
      // Its worker has not frozen the volume yet.
      return task.isQuiet ? { type: 'take' } : null;
    case 'taking':
      if (seen.isCut && task.state === 'waiting') return tell({ type: 'taken', snapshotId });
      return tell({ type: 'progress', snapshotId, reason: seen.reason });
    case 'ready':
      return tell({ type: 'ready', snapshotId, sizeBytes: seen.sizeBytes });
    case 'broken':
      return tell({ type: 'failed', snapshotId, failure: seen.failure });
    case 'deleting':
      return fail('Somebody deletes the snapshot on the cluster.');
  }
}

/** Acts of one turn that are under way at once. */
const atOnce = 10;
/** A taking that is asked for is looked at again in the same turn, so that the cut is told as soon as it is seen. */
const stepsPerTurn = 3;

export class SnapshotKeeper {
  readonly #api: Pick<SchedulerApi, 'snapshots' | 'reportSnapshots'>;
  readonly #snapshots: Snapshots;
  readonly #log: Log;
  /** What was told last of each: a progress that is none is not told again. */
  readonly #told = new Map<SnapshotId, string>();

  constructor(parts: { api: Pick<SchedulerApi, 'snapshots' | 'reportSnapshots'>; snapshots: Snapshots; log: Log }) {
    this.#api = parts.api;
    this.#snapshots = parts.snapshots;
    this.#log = parts.log;
  }

  /** One turn over all that is open. Throws when the server cannot be reached. */
  async turn(): Promise<void> {
    const tasks = await this.#api.snapshots();
    const ids = new Set(tasks.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    for (let at = 0; at < tasks.length; at += atOnce) {
      await Promise.all(tasks.slice(at, at + atOnce).map((task) => this.#work(task)));
    }
  }

  async #work(task: SnapshotTask): Promise<void> {
    const fields = { snapshotId: task.id, environmentId: task.environmentId };
    try {
      for (let step = 0; step < stepsPerTurn; step++) {
        const action = decideSnapshot(task, this.#snapshots.observe(task.id));
        if (!action) return;
        if (action.type === 'tell') return await this.#tell(action.observation);
        if (action.type === 'take') await this.#snapshots.take(task.id, task.environmentId);
        else await this.#snapshots.remove(task.id);
        this.#log.info({ ...fields, act: action.type }, 'acted on a snapshot');
      }
    } catch (err) {
      if (!(err instanceof PlatformRefusal)) {
        this.#log.warn({ ...fields, err }, 'snapshot not dealt with, to be tried again');
        return;
      }
      await this.#tell({ type: 'failed', snapshotId: task.id, failure: err.failure });
    }
  }

  async #tell(observation: SnapshotObservation): Promise<void> {
    const content = JSON.stringify(observation);
    if (this.#told.get(observation.snapshotId) === content) return;
    await this.#api.reportSnapshots([observation]);
    this.#told.set(observation.snapshotId, content);
  }
}
