/** What goes wrong on a real cluster: no room, no image, killed pods, a killed scheduler, evictions. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClusterStack, clusterNeeds, setUpLimitMs, startClusterStack } from '../kit/cluster-stack.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually } from '../kit/stack.ts';

/** Nothing listens there: the node is refused at once, and tries again. */
const unreachableImage = '127.0.0.1:1/no-such-worker:1';
/** The scheduler gives a node three minutes to pull an image after all. */
const pullLimitMs = 300_000;
/** Several starts and ends, one after the other. */
const longLimitMs = 600_000;

describeWith(clusterNeeds, 'a cluster with faults', () => {
  let cluster: ClusterStack;
  let unpullableAtMs: number;
  beforeAll(async () => {
    cluster = await startClusterStack();
    await cluster.settings({ workerImage: unreachableImage });
    const { id } = await cluster.create('unpullable');
    unpullableAtMs = Date.now();
    await eventually(() => cluster.podOf(id), 60_000, 'its pod');
    await cluster.settings({});
  }, setUpLimitMs);
  afterAll(() => cluster?.stop());

  it('without room keeps the environment waiting, says why, and lets it be cancelled', async () => {
    await cluster.change(
      `mutation ($input: InstanceTypeInput!) { createInstanceType(input: $input) {
        __typename ... on Refusal { message } ... on InstanceType { id } } }`,
      { input: { name: 'giant', cpus: 1000 } },
    );
    const { id } = await cluster.create('giant', { instanceType: 'giant' });
    const waiting = await eventually(
      async () => {
        const now = await cluster.find('giant');
        expect(now.reason).toMatch(/cpu/i);
        return now;
      },
      60_000,
      'the reason',
    );
    expect(waiting).toMatchObject({ phase: 'provisioning', failure: null });
    await cluster.stack.easelJson(['stop', 'giant']);
    await cluster.phase('giant', 'stopped');
    await eventually(async () => (await cluster.podOf(id)) === null, 60_000, 'no pod');
  });

  it('killing a scheduler between its steps makes one pod, and no second one', { timeout: longLimitMs }, async () => {
    const steps = ['persistentvolumeclaims', 'secrets', 'pods'];
    for (const kind of steps) {
      const name = `orphan-of-${kind}`;
      const { id } = await cluster.create(name);
      const isThere = async () =>
        (await cluster.namespace.list(kind)).some(({ metadata }) => metadata.labels?.['easel.dev/environment'] === id);
      await eventually(isThere, 60_000, kind);
      await cluster.killScheduler();
      await cluster.startScheduler();
      const { generation } = await cluster.phase(name, 'running', 180_000);
      expect(generation).toBe(1);
      // Throws when there are two.
      expect(await cluster.podOf(id)).not.toBeNull();
      expect((await cluster.stack.easel(['delete', name, '--force', '--wait'])).code).toBe(0);
    }
  });

  it('a pod that somebody kills is followed by another, on the same volume', { timeout: longLimitMs }, async () => {
    const { id } = await cluster.create('killed');
    const before = await cluster.phase('killed', 'running');
    await cluster.inside('killed', 'echo precious > note.txt; busybox sync');
    const pod = await cluster.podOf(id);
    await cluster.namespace.kubectl(['delete', 'pod', pod ?? '', '--force', '--grace-period=0']);
    await restarted(cluster, before);
    expect(await cluster.podOf(id)).not.toBe(pod);
    expect((await cluster.namespace.list('persistentvolumeclaims')).map(({ metadata }) => metadata.name)).toContain(id);
    expect(await cluster.inside('killed', 'cat note.txt')).toBe('precious\n');
  });

  it('an evicted pod stops gracefully and the environment starts again', { timeout: longLimitMs }, async () => {
    const before = await cluster.find('killed');
    const pod = await cluster.podOf(before.id);
    await cluster.inside('killed', 'echo second >> note.txt');
    await evict(cluster, pod ?? '');
    await restarted(cluster, before);
    expect(await cluster.podOf(before.id)).not.toBe(pod);
    expect(await cluster.inside('killed', 'cat note.txt')).toBe('precious\nsecond\n');
    const { events } = await cluster.find('killed');
    const causes = events.edges.map(({ node }) => node.cause);
    expect(causes).toContain('evicted');
  });

  it(
    'a worker image that cannot be pulled fails with its class and advice',
    async () => {
      const failed = await eventually(
        async () => {
          const now = await cluster.find('unpullable');
          return now.phase === 'failed' ? now : null;
        },
        Math.max(10_000, unpullableAtMs + pullLimitMs - Date.now()),
        'the failure',
      );
      expect(failed.failure).toMatchObject({ class: 'image', message: expect.stringContaining('no-such-worker') });
      expect(failed.failure?.advice).toMatch(/worker image/);
    },
    pullLimitMs,
  );

  it('leaves nothing behind', { timeout: longLimitMs }, async () => {
    for (const name of ['unpullable', 'giant', 'killed']) {
      expect((await cluster.stack.easel(['delete', name, '--force', '--wait'])).code, name).toBe(0);
    }
    await eventually(
      async () => (await cluster.namespace.list('pods,secrets,persistentvolumeclaims')).length === 0,
      60_000,
      'nothing in the namespace',
    );
  });
});

/** Waits until a later worker of the environment is up. */
async function restarted(cluster: ClusterStack, before: { name: string; generation: number }): Promise<void> {
  await eventually(
    async () => {
      const now = await cluster.find(before.name);
      return now.phase === 'running' && now.generation > before.generation;
    },
    180_000,
    'the restart',
  );
}

/** As `kubectl drain` does for each pod of a node. */
async function evict({ namespace }: ClusterStack, pod: string): Promise<void> {
  const ask = (version: string) => {
    const eviction = { apiVersion: `policy/${version}`, kind: 'Eviction', metadata: { name: pod } };
    const path = `/api/v1/namespaces/${namespace.name}/pods/${pod}/eviction`;
    return namespace.kubectl(['create', '--raw', path, '--filename', '-'], JSON.stringify(eviction));
  };
  // Kubernetes before 1.22 knows the older version only.
  await ask('v1').catch(() => ask('v1beta1'));
}
