/**
 * A storage system with snapshots for a cluster whose only node is this machine: volumes are folders, a snapshot is a copy of
 * one. It makes the volumes of a storage class of its own, as a CSI driver with its sidecars would, and takes snapshots of them.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kubectl } from './cluster.ts';
import { snapshotCrds } from './snapshot-crds.ts';

const run = promisify(execFile);
const provisioner = 'folders.test.easel.dev';
const everyMs = 300;

interface Claim {
  metadata: { name: string; namespace: string; uid: string };
  spec: {
    storageClassName?: string;
    volumeName?: string;
    accessModes: string[];
    resources: { requests: { storage: string } };
    dataSource?: { kind: string; name: string };
  };
}
interface Volume {
  metadata: { name: string };
  spec: { storageClassName?: string; hostPath?: { path: string }; claimRef?: { uid: string } };
  status?: { phase?: string };
}
interface Snapshot {
  metadata: { name: string; uid: string };
  spec: { source: { persistentVolumeClaimName: string } };
  status?: { creationTime?: string; readyToUse?: boolean };
}

export interface SnapshotController {
  /** Name of the storage class, and of the snapshot class. */
  readonly className: string;
  /** Ends it; classes, definitions and volumes go too. */
  stop(): Promise<void>;
}

export async function startSnapshotController(namespace: string): Promise<SnapshotController> {
  const className = `${namespace}-folders`;
  const folder = mkdtempSync('/tmp/easel-test-folders-');
  const apply = (...items: object[]) =>
    kubectl(['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await apply(...snapshotCrds);
  await kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s']);
  await apply(
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: className },
      provisioner,
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'Immediate',
    },
    {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotClass',
      metadata: { name: className },
      driver: provisioner,
      deletionPolicy: 'Delete',
    },
  );

  const list = async <T>(...args: string[]): Promise<T[]> =>
    (JSON.parse(await kubectl(['get', ...args, '--output', 'json'])) as { items: T[] }).items;
  const volumesOfOurs = async () =>
    (await list<Volume>('persistentvolumes')).filter(({ spec }) => spec.storageClassName === className);

  async function turn(): Promise<void> {
    const [claims, snapshots, volumes] = await Promise.all([
      list<Claim>('persistentvolumeclaims', '--namespace', namespace),
      list<Snapshot>('volumesnapshots.snapshot.storage.k8s.io', '--namespace', namespace),
      volumesOfOurs(),
    ]);
    for (const snapshot of snapshots) await take(snapshot, claims, volumes);
    const isMade = (uid: string) => volumes.some(({ spec }) => spec.claimRef?.uid === uid);
    for (const claim of claims) {
      if (claim.spec.storageClassName === className && !isMade(claim.metadata.uid)) await provision(claim, snapshots);
    }
    for (const volume of volumes.filter(({ status }) => status?.phase === 'Released')) await drop(volume);
  }

  async function provision({ metadata, spec }: Claim, snapshots: readonly Snapshot[]): Promise<void> {
    const path = join(folder, metadata.uid);
    if (spec.dataSource) {
      const source = snapshots.find((snapshot) => snapshot.metadata.name === spec.dataSource?.name);
      const copy = source && join(folder, source.metadata.uid);
      if (!copy || !source.status?.readyToUse || !existsSync(copy)) return;
      if (!existsSync(path)) await copyFolder(copy, path);
    }
    mkdirSync(path, { recursive: true });
    const { name, uid } = metadata;
    await apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `folder-${uid}` },
      spec: {
        storageClassName: className,
        persistentVolumeReclaimPolicy: 'Retain',
        capacity: { storage: spec.resources.requests.storage },
        accessModes: spec.accessModes,
        hostPath: { path },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      },
    });
  }

  async function take(snapshot: Snapshot, claims: readonly Claim[], volumes: readonly Volume[]): Promise<void> {
    if (snapshot.status?.readyToUse) return;
    const claim = claims.find(({ metadata }) => metadata.name === snapshot.spec.source.persistentVolumeClaimName);
    const volume = volumes.find(({ spec }) => claim && spec.claimRef?.uid === claim.metadata.uid);
    const path = volume?.spec.hostPath?.path;
    if (!claim || !path) return;
    await copyFolder(path, join(folder, snapshot.metadata.uid));
    const creationTime = new Date().toISOString();
    await setStatus(snapshot, { creationTime, readyToUse: false });
    await setStatus(snapshot, { creationTime, readyToUse: true, restoreSize: claim.spec.resources.requests.storage });
  }

  /** The status is a resource of its own, which older versions of kubectl cannot patch: it is replaced whole. */
  async function setStatus({ metadata }: Snapshot, status: object): Promise<void> {
    const path = `/apis/snapshot.storage.k8s.io/v1/namespaces/${namespace}/volumesnapshots/${metadata.name}`;
    const now = JSON.parse(await kubectl(['get', '--raw', path])) as object;
    await kubectl(['replace', '--raw', `${path}/status`, '--filename', '-'], JSON.stringify({ ...now, status }));
  }

  async function drop({ metadata, spec }: Volume): Promise<void> {
    await kubectl(['delete', 'persistentvolume', metadata.name, '--wait=false']);
    if (spec.hostPath?.path.startsWith(folder)) rmSync(spec.hostPath.path, { recursive: true, force: true });
  }

  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      // What fails now is tried again: the test waits for what comes of it.
      await turn().catch((err: unknown) => console.warn(`snapshot controller: ${(err as Error).message}`));
      await pause(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    className,
    async stop() {
      stopping.abort();
      await loop;
      for (const volume of await volumesOfOurs()) await drop(volume);
      await kubectl(['delete', 'storageclass', className]);
      const names = ['volumesnapshots', 'volumesnapshotcontents', 'volumesnapshotclasses'];
      await kubectl(['delete', 'crd', '--wait=false', ...names.map((name) => `${name}.snapshot.storage.k8s.io`)]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Owners, links and times as they are. */
async function copyFolder(from: string, to: string): Promise<void> {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  await run('cp', ['--archive', `${from}/.`, to], { maxBuffer: 16 * 1024 * 1024 });
}
