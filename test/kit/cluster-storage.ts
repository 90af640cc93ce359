/**
 * Storage that the test cluster lacks: volumes that grow, and snapshots of them. A storage class whose volumes are folders of
 * this machine, made where the pod is scheduled (WaitForFirstConsumer); VolumeSnapshot v1, served behind the cluster's own API
 * server (so that its RBAC holds), taken and restored by copying. What a CSI driver does with its sidecars, small. Needs root,
 * and a cluster whose one node is this machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeApiServer, type Stored, testDriver } from '../../scheduler/src/kubernetes/fake-api-server.kit.ts';
import { kubectl } from './cluster.ts';
import { selfSigned } from './tls.ts';

export interface ClusterStorage {
  storageClass: string;
  /** Ends it, once the volumes of namespaces that are being deleted are gone. */
  stop(): Promise<void>;
}

interface Claim {
  metadata: { name: string; namespace: string; uid: string; annotations?: Record<string, string> };
  spec: {
    storageClassName?: string;
    volumeName?: string;
    dataSource?: { kind: string; name: string };
    accessModes: string[];
    resources: { requests: { storage: string } };
  };
  status: { phase: string; capacity?: { storage: string } };
}
interface Volume {
  metadata: { name: string };
  spec: { storageClassName?: string };
  status: { phase: string };
}

const storageClass = 'copied-folders';
const service = 'snapshots-of-tests';
const apiService = 'v1.snapshot.storage.k8s.io';
const roundMs = 500;
const stopLimitMs = 60_000;

export async function startClusterStorage(): Promise<ClusterStorage> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-volumes-'));
  const api = new FakeApiServer(selfSigned('localhost'));
  await api.listen();
  await apply(storageClassObject, ...apiObjects(api.port));
  await kubectl(['wait', '--for=condition=Available', '--timeout=30s', `apiservice/${apiService}`]);
  const controller = new Controller(folder, api);
  const stopping = new AbortController();
  const loop = controller.run(stopping.signal);
  return {
    storageClass,
    async stop() {
      const hasVolumes = async () => (await volumes()).length > 0;
      for (const untilMs = Date.now() + stopLimitMs; Date.now() < untilMs && (await hasVolumes()); ) {
        await new Promise((resolve) => setTimeout(resolve, roundMs));
      }
      stopping.abort();
      await loop;
      await kubectl(['delete', '--ignore-not-found', `apiservice/${apiService}`, `storageclass/${storageClass}`]);
      await kubectl(['delete', '--ignore-not-found', '--namespace=default', `service/${service}`]);
      await api.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the provisioner, the resizer and the snapshotter of a driver do. */
class Controller {
  readonly #folder: string;
  readonly #api: FakeApiServer;

  constructor(folder: string, api: FakeApiServer) {
    this.#folder = folder;
    this.#api = api;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#round();
      } catch (err) {
        // The next round tries again; a test that waits for it says what it waited for.
        console.error('storage of tests:', err);
      }
      await new Promise((resolve) => setTimeout(resolve, roundMs));
    }
  }

  async #round(): Promise<void> {
    const claims = (await list<Claim>('persistentvolumeclaims')).filter(
      (one) => one.spec.storageClassName === storageClass,
    );
    for (const claim of claims) {
      if (claim.status.phase === 'Pending' && claim.metadata.annotations?.['volume.kubernetes.io/selected-node']) {
        await this.#provision(claim);
      }
      if (claim.status.phase === 'Bound') await this.#grow(claim);
    }
    for (const snapshot of this.#api.all('volumesnapshots')) if (!snapshot.status) this.#take(snapshot, claims);
    await this.#reclaim();
    const known = new Set(this.#api.all('volumesnapshots').map(({ metadata }) => `snapshot-${metadata.uid}`));
    for (const name of readdirSync(this.#folder)) {
      if (name.startsWith('snapshot-') && !known.has(name)) this.#remove(name);
    }
  }

  async #provision({ metadata, spec }: Claim): Promise<void> {
    const { uid, namespace } = metadata;
    const name = `pvc-${uid}`;
    if (spec.dataSource) {
      const source = this.#api.all('volumesnapshots').find((one) => one.metadata.name === spec.dataSource?.name);
      if (!source?.status) return;
      this.#copy(`snapshot-${source.metadata.uid}`, name);
    } else {
      mkdirSync(join(this.#folder, name), { recursive: true });
    }
    await apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        storageClassName: storageClass,
        capacity: { storage: spec.resources.requests.storage },
        accessModes: spec.accessModes,
        hostPath: { path: join(this.#folder, name) },
        persistentVolumeReclaimPolicy: 'Delete',
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: metadata.name, namespace, uid },
      },
    });
  }

  async #grow({ metadata, spec, status }: Claim): Promise<void> {
    const capacity = { storage: spec.resources.requests.storage };
    if (capacity.storage === status.capacity?.storage) return;
    await kubectl([
      'patch',
      'persistentvolume',
      spec.volumeName ?? '',
      '--patch',
      JSON.stringify({ spec: { capacity } }),
    ]);
    const claim = [`--namespace=${metadata.namespace}`, 'persistentvolumeclaim', metadata.name];
    const patch = JSON.stringify({ status: { capacity } });
    await kubectl(['patch', ...claim, '--subresource=status', '--patch', patch]);
  }

  #take(snapshot: Stored, claims: readonly Claim[]): void {
    const { source } = snapshot.spec as { source: { persistentVolumeClaimName: string } };
    const claim = claims.find(({ metadata }) => metadata.name === source.persistentVolumeClaimName);
    if (!claim?.spec.volumeName) return;
    this.#copy(claim.spec.volumeName, `snapshot-${snapshot.metadata.uid}`);
    this.#api.change('volumesnapshots', snapshot.metadata.name, {
      status: {
        readyToUse: true,
        creationTime: new Date().toISOString(),
        restoreSize: claim.status.capacity?.storage,
      },
    });
  }

  /** Volumes whose claim is gone. */
  async #reclaim(): Promise<void> {
    for (const { metadata, status } of await volumes()) {
      if (status.phase !== 'Released') continue;
      await kubectl(['delete', 'persistentvolume', metadata.name]);
      this.#remove(metadata.name);
    }
  }

  /** Files that go while it copies are not there then: a volume is written to as it is cut. */
  #copy(from: string, to: string): void {
    const args = ['-aHAX', '--delete', `${join(this.#folder, from)}/`, join(this.#folder, to)];
    const { status, stderr } = spawnSync('rsync', args, { encoding: 'utf8' });
    const someVanished = 24;
    if (status !== 0 && status !== someVanished) throw new Error(`rsync ended with ${status}: ${stderr}`);
  }

  #remove(name: string): void {
    rmSync(join(this.#folder, name), { recursive: true, force: true });
  }
}

const storageClassObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: storageClass },
  provisioner: testDriver,
  allowVolumeExpansion: true,
  volumeBindingMode: 'WaitForFirstConsumer',
};

function apiObjects(port: number): object[] {
  const place = { name: service, namespace: 'default' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: place,
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: apiService },
      spec: {
        group: 'snapshot.storage.k8s.io',
        version: 'v1',
        groupPriorityMinimum: 1000,
        versionPriority: 10,
        insecureSkipTLSVerify: true,
        service: { ...place, port },
      },
    },
  ];
}

async function apply(...items: readonly object[]): Promise<void> {
  await kubectl(['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

async function volumes(): Promise<Volume[]> {
  return (await list<Volume>('persistentvolumes')).filter(({ spec }) => spec.storageClassName === storageClass);
}

async function list<T>(kind: string): Promise<T[]> {
  return (JSON.parse(await kubectl(['get', kind, '--all-namespaces', '--output', 'json'])) as { items: T[] }).items;
}
