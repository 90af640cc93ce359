/** Snapshots and growth of volumes: shown as unavailable where the cluster has none, used where it has. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kubectl } from '../kit/cluster.ts';
import { type ClusterStack, clusterNeeds, setUpLimitMs, startClusterStack } from '../kit/cluster-stack.ts';
import { type ClusterStorage, startClusterStorage } from '../kit/cluster-storage.ts';
import { missing } from '../kit/components.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually } from '../kit/stack.ts';

interface Snapshot {
  id: string;
  name: string;
  state: string;
  sizeBytes: number | null;
  isQuiet: boolean | null;
  failure: { message: string } | null;
}

/** Its own, or those that the tests bring where this machine is its one node. */
const servesOwn =
  missing(clusterNeeds).length === 0 && (await kubectl(['api-versions'])).includes('snapshot.storage.k8s.io/v1');
const needs = [...clusterNeeds, ...(servesOwn ? [] : (['rsync', 'node of the cluster'] as const))];

let cluster: ClusterStack;
let storage: ClusterStorage | null = null;

async function feature(): Promise<{ isAvailable: boolean; reason: string | null }> {
  const { platforms } = await cluster.stack.api.query<{
    platforms: { id: string; features: { snapshots: { isAvailable: boolean; reason: string | null } } | null }[];
  }>('{ platforms { id features { snapshots { isAvailable reason } } } }');
  const own = platforms.find(({ id }) => id === cluster.platformId)?.features?.snapshots;
  if (!own) throw new Error('the platform has not said what it can do');
  return own;
}

const takeOf = (id: string) =>
  cluster.change<Snapshot>(
    `mutation ($id: ID!) { snapshotEnvironment(input: { id: $id, name: "before" }) {
      __typename ... on Refusal { message } ... on Snapshot { id name state sizeBytes isQuiet } } }`,
    { id },
  );

const growTo = (id: string, diskBytes: number) =>
  cluster.change(
    `mutation ($id: ID!, $diskBytes: Float!) { growEnvironmentDisk(input: { id: $id, diskBytes: $diskBytes }) {
      __typename ... on Refusal { message } ... on Environment { id } } }`,
    { id, diskBytes },
  );

interface Disk {
  wantedBytes: number;
  capacityBytes: number | null;
  problem: string | null;
}

async function diskOf(name: string): Promise<Disk> {
  const query = 'query ($name: String) { environment(name: $name) { disk { wantedBytes capacityBytes problem } } }';
  const { environment } = await cluster.stack.api.query<{ environment: { disk: Disk | null } }>(query, { name });
  if (!environment.disk) throw new Error('the volume has no size yet');
  return environment.disk;
}

const gib = 1024 ** 3;

if (!servesOwn) {
  describeWith(clusterNeeds, 'volumes of a cluster without snapshots and growth', () => {
    beforeAll(async () => {
      cluster = await startClusterStack();
    }, setUpLimitMs);
    afterAll(() => cluster?.stop());

    it('are unavailable, with the reason', async () => {
      const { isAvailable, reason } = await eventually(feature, 30_000, 'the features');
      expect(isAvailable).toBe(false);
      expect(reason).toContain('VolumeSnapshot v1');
      const { id } = await cluster.create('plain');
      await expect(takeOf(id)).rejects.toThrow(/snapshot/i);
      await cluster.phase('plain', 'running');
      const { wantedBytes } = await eventually(() => diskOf('plain'), 30_000, 'the size of the volume');
      await expect(growTo(id, 2 * wantedBytes)).rejects.toThrow('does not let volumes grow');
      expect((await cluster.stack.easel(['delete', 'plain', '--force', '--wait'])).code).toBe(0);
    });
  });
}

describeWith(needs, 'volumes of a cluster with snapshots and growth', () => {
  let snapshot: Snapshot;
  beforeAll(async () => {
    if (!servesOwn) storage = await startClusterStorage();
    cluster = await startClusterStack();
    if (storage) await cluster.settings({ storageClass: storage.storageClass });
  }, setUpLimitMs);
  afterAll(async () => {
    await cluster?.stop();
    await storage?.stop();
  });

  async function snapshots(name: string): Promise<Snapshot[]> {
    const { environment } = await cluster.stack.api.query<{ environment: { snapshots: Snapshot[] } }>(
      `query ($name: String) { environment(name: $name) {
        snapshots { id name state sizeBytes isQuiet failure { message } } } }`,
      { name },
    );
    return environment.snapshots;
  }

  it('snapshots are available', async () => {
    await eventually(async () => (await feature()).isAvailable, 90_000, 'snapshots');
  });

  it('snapshots are taken while people work', async () => {
    const { id } = await cluster.create('source');
    await cluster.phase('source', 'running');
    await cluster.inside('source', 'echo precious > note.txt');
    await takeOf(id);
    snapshot = await eventually(
      async () => {
        const [taken] = await snapshots('source');
        if (taken?.state !== 'ready') throw new Error(JSON.stringify(taken));
        return taken;
      },
      120_000,
      'the snapshot',
    );
    expect(snapshot).toMatchObject({ name: 'before', failure: null });
    expect(snapshot.sizeBytes).toBeGreaterThan(0);
    expect(await cluster.inside('source', 'echo later > note.txt; cat note.txt')).toBe('later\n');
  });

  it('snapshots are restored to a new environment', async () => {
    await cluster.create('restored', { snapshot: snapshot.id });
    await cluster.phase('restored', 'running', 180_000);
    expect(await cluster.inside('restored', 'cat note.txt')).toBe('precious\n');
    expect(await cluster.inside('source', 'cat note.txt')).toBe('later\n');
  });

  it('grow while people work', async () => {
    const before = await eventually(() => diskOf('source'), 30_000, 'the size of the volume');
    const wanted = before.wantedBytes + 3 * gib;
    await growTo('source', wanted);
    const grown = async () => {
      const disk = await diskOf('source');
      if (disk.capacityBytes !== wanted) throw new Error(JSON.stringify(disk));
      return disk;
    };
    expect(await eventually(grown, 60_000, 'the larger volume')).toMatchObject({ wantedBytes: wanted, problem: null });
    expect(await cluster.inside('source', 'cat note.txt')).toBe('later\n');
  });

  it('snapshots outlive their environment, and are deleted without a trace', async () => {
    for (const name of ['source', 'restored']) {
      expect((await cluster.stack.easel(['delete', name, '--force', '--wait'])).code, name).toBe(0);
    }
    const kind = 'volumesnapshots.snapshot.storage.k8s.io';
    expect((await cluster.namespace.list(kind)).map(({ metadata }) => metadata.name)).toEqual([snapshot.id]);
    await cluster.change(
      `mutation ($id: ID!) { deleteSnapshot(id: $id) { __typename ... on Refusal { message } ... on Snapshot { id } } }`,
      { id: snapshot.id },
    );
    await eventually(
      async () => (await cluster.namespace.list(`pods,secrets,persistentvolumeclaims,${kind}`)).length === 0,
      60_000,
      'nothing in the namespace',
    );
  });
});
