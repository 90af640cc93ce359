/** Snapshots of environments' disks, and disks that grow. */
import type { SnapshotState } from '@easel/schema/states/snapshot';
import {
  deleteSnapshotMutation,
  growDiskMutation,
  snapshotEnvironmentMutation,
  snapshotsQuery,
} from '../api/snapshots.ts';
import type { Context } from '../context.ts';
import { relative, size } from '../output/format.ts';
import type { Cell, Style } from '../output/output.ts';
import type { WaitOptions } from '../wait/wait.ts';
import { waitForSnapshot } from '../wait/wait-for-snapshot.ts';
import { findEnvironment, pick } from './find.ts';

const STATE_STYLES: Record<SnapshotState, Style> = {
  waiting: 'yellow',
  taking: 'cyan',
  ready: 'green',
  failed: 'red',
  deleting: 'yellow',
  deleted: 'dim',
};

export async function createSnapshot(
  context: Context,
  name: string,
  options: WaitOptions & { name?: string },
): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const { id } = await findEnvironment(api, name);
  const taken = await api.ask(snapshotEnvironmentMutation, { input: { id, name: options.name } });
  const snapshot = options.wait
    ? await waitForSnapshot(context, { api, snapshot: taken, timeout: options.timeout })
    : taken;
  out.json(snapshot);
  if (!options.wait) out.note('`easel snapshot list` tells when it is ready');
  out.note(`\`easel create NAME --snapshot ${snapshot.id}\` makes an environment of it`);
  out.line(snapshot.id);
}

export async function listSnapshots({ api: open, out }: Context, environment: string | undefined): Promise<void> {
  const api = await open();
  const all = await api.all(snapshotsQuery);
  const snapshots = environment === undefined ? all : all.filter((one) => one.environmentName === environment);
  out.json(snapshots);
  if (snapshots.length === 0) {
    out.note('no snapshots; `easel snapshot create ENVIRONMENT` takes one');
    return;
  }
  const nowMs = Date.now();
  out.table(
    ['NAME', 'ENVIRONMENT', 'STATE', 'SIZE', 'CREATED', 'PLATFORM', 'ID', ''],
    snapshots.map((one): Cell[] => [
      one.name,
      one.environmentName,
      { text: one.state, style: STATE_STYLES[one.state] },
      one.sizeBytes === null ? '-' : size(one.sizeBytes),
      relative(one.createdAt, nowMs),
      one.platform.name,
      one.id,
      one.failure?.message ?? one.reason ?? '',
    ]),
  );
}

export async function deleteSnapshot(context: Context, which: string): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const { id } = pick(await api.all(snapshotsQuery), which, 'snapshot');
  const snapshot = await api.ask(deleteSnapshotMutation, { id }, { isRepeatable: true });
  out.json(snapshot);
  out.line(`${snapshot.name} is being deleted; environments that were made from it keep what they have`);
}

export async function growDisk(context: Context, name: string, diskBytes: number): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const { id } = await findEnvironment(api, name);
  const environment = await api.ask(growDiskMutation, { input: { id, diskBytes } }, { isRepeatable: true });
  out.json(environment);
  const { disk } = environment;
  if (disk) out.line(`the disk of ${environment.name} grows to ${size(disk.wantedBytes)}`);
  if (disk?.problem) out.note(disk.problem);
}
