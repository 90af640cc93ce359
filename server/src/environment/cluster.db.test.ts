import type { EnvironmentId } from '@easel/schema/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, READY, suiteDatabase, type TestServer } from '../http/server.kit.ts';

const GIB = 1024 ** 3;
let server: TestServer;
let cluster: Awaited<ReturnType<TestServer['newCluster']>>;
let owner: UserActor & { headers: Record<string, string> };
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_STOP_SECONDS: '60' });
});
beforeEach(async () => {
  cluster = await server.newCluster();
  owner = await server.newUser();
});
afterAll(() => server.close());

const environments = () => server.app.services.environments;
const create = (input: object = {}) => environments().create(owner, { platform: cluster.name, ...input });
const row = (id: EnvironmentId) => server.db.environment.findUniqueOrThrow({ where: { id } });

/** The placement of a new environment, claimed by its scheduler. */
async function placed(input: object = {}) {
  const { id } = await create(input);
  const placement = (await cluster.claim()).find((placement) => placement.environmentId === id);
  if (!placement) throw new Error('the placement was not handed out');
  return placement;
}

/** A worker that runs in the cluster. */
async function running(input: object = {}) {
  const placement = await placed(input);
  await cluster.observe({ type: 'placed', placementId: placement.id });
  const access = await server.hello(placement);
  await server.report(placement, READY);
  return { placement, access, id: placement.environmentId };
}

describe('what a placement asks for', () => {
  it('is the environment’s instance type, as it was when it was created', async () => {
    const type = await server.app.services.instanceTypes.create(server.administrator, {
      name: `t${Date.now()}`,
      cpus: 1.5,
      memoryBytes: 3 * GIB,
      diskBytes: 7 * GIB,
      gpus: 1,
      storageClass: 'fast',
      zone: 'eu-west-1a',
      nodeSelector: { pool: 'dev' },
      serviceAccount: 'builder',
    });
    const placement = await placed({ instanceType: type.name });
    await server.app.services.instanceTypes.update(server.administrator, type.id, { name: type.name, cpus: 8 });
    const spec = {
      cpus: 1.5,
      memoryBytes: 3 * GIB,
      diskBytes: 7 * GIB,
      gpus: 1,
      gpuResource: 'nvidia.com/gpu',
      storageClass: 'fast',
      zone: 'eu-west-1a',
      nodeSelector: { pool: 'dev' },
      serviceAccount: 'builder',
      restoreFrom: null,
    };
    expect(placement.spec).toEqual(spec);
    expect((await cluster.list())[0]?.spec).toEqual(spec);
    const document = `query ($id: ID!) { environment(id: $id) {
      instanceType { name cpus zone } disk { wantedBytes capacityBytes problem } } }`;
    const { data } = await server.ask(document, { id: placement.environmentId }, owner.headers);
    expect(data.environment).toEqual({
      instanceType: { name: type.name, cpus: 1.5, zone: 'eu-west-1a' },
      disk: { wantedBytes: 7 * GIB, capacityBytes: null, problem: null },
    });
  });

  it('is the smallest type where nobody chooses, and nothing for an end', async () => {
    const { environmentId, spec } = await placed();
    expect(spec).toMatchObject({ cpus: 2, memoryBytes: 4 * GIB, diskBytes: 20 * GIB });
    await environments().stop(owner, environmentId);
    expect((await cluster.claim())[0]).toMatchObject({ wish: 'end', spec: null });
  });

  it('bounds the worker as a whole in a cluster, and the containers on one machine', async () => {
    const { access } = await running({ instanceType: 'small' });
    expect(access.manifest.resources).toEqual({ cpus: null, memoryBytes: null });
    const here = async (input: object) => {
      const { id } = await environments().create(owner, { platform: 'local', ...input });
      const placement = (await server.claim()).find(({ environmentId }) => environmentId === id);
      return placement && (await server.hello(placement)).manifest.resources;
    };
    expect(await here({})).toEqual({ cpus: null, memoryBytes: null });
    expect(await here({ instanceType: 'small' })).toEqual({ cpus: 2, memoryBytes: 4 * GIB });
  });
});

describe('a disk', () => {
  it('is wanted larger, and its platform says how large it is', async () => {
    const { id, placement } = await running();
    const hints = server.live.placements(cluster.id);
    const grown = await environments().growDisk(owner, { id, diskBytes: 30 * GIB });
    expect(grown.diskBytes).toBe(BigInt(30 * GIB));
    expect((await hints.next()).value).toEqual({ kind: 'changed' });
    await hints.return?.();
    expect((await cluster.list())[0]?.spec?.diskBytes).toBe(30 * GIB);
    const problem = 'the node must mount it again: stop and start the environment';
    const seen = { type: 'volume', placementId: placement.id, capacityBytes: 20 * GIB, problem };
    await cluster.observe(seen, seen);
    const { version } = await row(id);
    await cluster.observe(seen);
    expect(await row(id)).toMatchObject({ version, diskCapacityBytes: BigInt(20 * GIB), diskProblem: problem });
    await cluster.observe({ ...seen, capacityBytes: 30 * GIB, problem: null });
    expect(await row(id)).toMatchObject({ diskCapacityBytes: BigInt(30 * GIB), diskProblem: null });
  });

  it('never shrinks, and is the owner’s', async () => {
    const { id } = await create();
    await expect(environments().growDisk(owner, { id, diskBytes: 2 * GIB })).rejects.toThrow('never shrinks');
    await expect(environments().growDisk(owner, { id, diskBytes: 1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const other = await server.newUser();
    await expect(environments().growDisk(other, { id, diskBytes: 30 * GIB })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('says why it cannot grow', async () => {
    const { id } = await create();
    const available = { isAvailable: true, reason: null };
    const expansion = { isAvailable: false, reason: 'the storage class "standard" does not allow it' };
    await cluster.beat({ features: { snapshots: available, expansion } });
    const wish = environments().growDisk(owner, { id, diskBytes: 30 * GIB });
    await expect(wish).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(wish).rejects.toThrow('the storage class "standard" does not allow it');
    const here = await environments().create(owner, { platform: 'local' });
    await expect(environments().growDisk(owner, { id: here.id, diskBytes: 30 * GIB })).rejects.toThrow(
      'have no size of their own',
    );
  });
});

describe('an eviction', () => {
  const evicted = (placementId: string) => ({ type: 'evicted', placementId, reason: 'node a is drained' });

  it('stops the worker gracefully and starts the environment again, with the reason', async () => {
    const { id, placement } = await running();
    await cluster.observe(evicted(placement.id), evicted(placement.id));
    const reason = 'The platform moves it to another machine: node a is drained';
    expect(await row(id)).toMatchObject({ phase: 'stopping', desired: 'running', reason });
    const ref = { environmentId: id, workerId: placement.workerId as never, generation: 1 };
    expect(await server.app.facts.workerWish(ref)).toMatchObject({ kind: 'stop', reason });
    await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
    expect(await row(id)).toMatchObject({ phase: 'queued', desired: 'running', generation: 2, reason });
    // Two workers never share a volume: the old one is ended first.
    const [end, ...rest] = await cluster.claim();
    expect(rest).toEqual([]);
    expect(end).toMatchObject({ id: placement.id, wish: 'end' });
    await cluster.observe({ type: 'ended', placementId: end?.id, wish: 'end' });
    const [again] = await cluster.claim();
    expect(again).toMatchObject({ environmentId: id, wish: 'run', generation: 2 });
    expect(await row(id)).toMatchObject({ phase: 'provisioning', reason: null });
  });

  it('of a worker that is gone at once starts it again too', async () => {
    const { id, placement } = await running();
    await cluster.observe(evicted(placement.id), { type: 'gone', placementId: placement.id, reason: 'evicted' });
    expect(await row(id)).toMatchObject({ phase: 'queued', generation: 2 });
  });

  it('that takes too long is forced', async () => {
    const { id, placement } = await running();
    await cluster.observe(evicted(placement.id));
    await server.db.environment.update({ where: { id }, data: { deadlineAt: new Date(Date.now() - 1) } });
    expect(await server.app.facts.deadlinePassed(id)).toBe(true);
    expect((await row(id)).phase).toBe('queued');
  });

  it('before the worker has called starts it again when the platform has ended it', async () => {
    const placement = await placed();
    await cluster.observe(evicted(placement.id));
    const [end] = await cluster.claim();
    expect(end).toMatchObject({ id: placement.id, wish: 'end' });
    await cluster.observe({ type: 'ended', placementId: end?.id, wish: 'end' });
    expect((await cluster.claim())[0]).toMatchObject({ wish: 'run', generation: 2 });
  });

  it('gives way to a stop or a delete that somebody asks for', async () => {
    const stopped = await running();
    await cluster.observe(evicted(stopped.placement.id));
    await environments().stop(owner, stopped.id);
    await server.report(stopped.placement, { type: 'worker.stopped', isClean: true, text: '' });
    expect(await row(stopped.id)).toMatchObject({ phase: 'stopped', desired: 'stopped' });
    const deleted = await running();
    await cluster.observe(evicted(deleted.placement.id));
    await environments().delete(owner, deleted.id, { force: true });
    await server.report(deleted.placement, { type: 'worker.stopped', isClean: true, text: '' });
    expect((await row(deleted.id)).phase).toBe('deleting');
  });

  it('of what is stopped, or of an earlier start, changes nothing', async () => {
    const { id, placement } = await running();
    await environments().stop(owner, id);
    await cluster.observe(evicted(placement.id));
    expect(await row(id)).toMatchObject({ phase: 'stopping', desired: 'stopped' });
  });
});
