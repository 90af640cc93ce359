/** An environment as a pod of a real cluster, from its creation to its end, with the real worker's image. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClusterStack, clusterNeeds, setUpLimitMs, startClusterStack } from '../kit/cluster-stack.ts';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, runProgram } from '../kit/stack.ts';

describeWith(clusterNeeds, 'an environment on a cluster', () => {
  let cluster: ClusterStack;
  beforeAll(async () => {
    cluster = await startClusterStack();
  }, setUpLimitMs);
  afterAll(() => cluster?.stop());

  it('runs in a dev container inside a pod', async () => {
    const { id } = await cluster.create('first');
    await cluster.phase('first', 'running');
    const pod = await cluster.podOf(id);
    expect(pod).toMatch(/^wrk/);
    const kinds = await cluster.namespace.list('pods,secrets,persistentvolumeclaims');
    expect(kinds.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
      `PersistentVolumeClaim ${id}`,
      `Pod ${pod}`,
      `Secret ${pod}`,
    ]);
  });

  it('is entered over SSH, through jump and relay', async () => {
    expect(await cluster.inside('first', 'cat README.md; cat /.image')).toContain('in-cluster');
    const ran = await cluster.user.run('first', 'echo out; echo err >&2; exit 42');
    expect(ran).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' });
  });

  it('takes files with scp', async () => {
    const file = join(cluster.stack.scratchDir, 'file');
    writeFileSync(file, randomBytes(300_000));
    const scp = (from: string, to: string) =>
      runProgram('scp', ['-P', `${cluster.sshPort}`, ...cluster.user.options, from, to]);
    const there = `first@${cluster.host}:copied`;
    const up = await scp(file, there);
    expect(up.code, up.stderr).toBe(0);
    const down = await scp(there, `${file}.back`);
    expect(down.code, down.stderr).toBe(0);
    expect(readFileSync(`${file}.back`).equals(readFileSync(file))).toBe(true);
  });

  it('has its ports forwarded through the relay', async () => {
    await cluster.inside(
      'first',
      'mkdir -p ~/www && echo "from the pod" > ~/www/index.html && httpd -p 127.0.0.1:8099 -h ~/www',
    );
    const { port, stop } = await cluster.forward('first', 8099);
    try {
      const body = await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`)).text(), 20_000, 'the page');
      expect(body).toBe('from the pod\n');
    } finally {
      await stop();
    }
  });

  it('stops, and starts again with its data in another pod', { timeout: 300_000 }, async () => {
    await cluster.inside('first', 'echo precious > note.txt');
    const before = await cluster.podOf((await cluster.find('first')).id);
    await cluster.stack.easelJson(['stop', 'first']);
    const { id } = await cluster.phase('first', 'stopped');
    // The worker has said its farewell; the scheduler clears away what is left of it, as soon as the node lets go of it.
    await eventually(async () => (await cluster.namespace.list('pods,secrets')).length === 0, 150_000, 'no pod');
    expect((await cluster.namespace.list('persistentvolumeclaims')).map(({ metadata }) => metadata.name)).toEqual([id]);
    await cluster.stack.easelJson(['start', 'first']);
    await cluster.phase('first', 'running');
    expect(await cluster.podOf(id)).not.toBe(before);
    expect(await cluster.inside('first', 'cat note.txt')).toBe('precious\n');
  });

  it('is deleted without a trace', async () => {
    expect((await cluster.stack.easel(['delete', 'first', '--force', '--wait'])).code).toBe(0);
    await eventually(
      async () => (await cluster.namespace.list('pods,secrets,persistentvolumeclaims')).length === 0,
      60_000,
      'nothing in the namespace',
    );
  });
});
