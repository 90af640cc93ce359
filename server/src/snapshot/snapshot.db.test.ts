import { failure } from '@easel/schema/failure';
import type { EnvironmentId, SnapshotId } from '@easel/schema/ids';
import { SNAPSHOT_STATES } from '@easel/schema/states/snapshot';
import type { Placement } from '@easel/schema/wire/placement';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, READY, refOf, suiteDatabase, type TestServer } from '../http/server.kit.ts';

const GIB = 1024 ** 3;
let server: TestServer;
let cluster: Awaited<ReturnType<TestServer['newCluster']>>;
let owner: UserActor & { headers: Record<string, string> };
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_MAX_SNAPSHOTS_PER_USER: '5' });
});
beforeEach(async () => {
  cluster = await server.newCluster();
  owner = await server.newUser();
});
afterAll(() => server.close());

const environments = () => server.app.services.environments;
const snapshots = () => server.app.services.snapshots;
const scheduler = () => server.app.services.snapshotScheduler;
const tasks = () => scheduler().list(cluster.actor);
const report = (...observations: unknown[]) => scheduler().report(cluster.actor, observations);
const row = (id: SnapshotId) => server.db.snapshot.findUniqueOrThrow({ where: { id } });
const wishes = (placement: Placement) => server.app.facts.freezeWishes(refOf(placement));

async function running(): Promise<{ id: EnvironmentId; placement: Placement }> {
  const { id } = await environments().create(owner, { platform: cluster.name });
  const placement = (await cluster.claim()).find(({ environmentId }) => environmentId === id);
  if (!placement) throw new Error('the placement was not handed out');
  await cluster.observe({ type: 'placed', placementId: placement.id });
  await server.hello(placement);
  await server.report(placement, READY);
  return { id, placement };
}

async function stopped(): Promise<EnvironmentId> {
  const { id, placement } = await running();
  await environments().stop(owner, id);
  await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
  return id;
}

async function ready(environmentId: EnvironmentId, sizeBytes = 25 * GIB) {
  const { id: snapshotId } = await snapshots().take(owner, { id: environmentId });
  await report({ type: 'taken', snapshotId }, { type: 'ready', snapshotId, sizeBytes });
  return snapshotId;
}

/** Lets the snapshot's deadline pass. */
async function passDeadline(id: SnapshotId, fields: { createdAt?: Date } = {}): Promise<void> {
  await server.db.snapshot.update({ where: { id }, data: { ...fields, deadlineAt: new Date(Date.now() - 1) } });
  expect(await scheduler().overdue(100)).toContain(id);
  expect(await scheduler().deadlinePassed(id)).toBe(true);
  expect(await scheduler().deadlinePassed(id)).toBe(false);
}

describe('a snapshot of a stopped environment', () => {
  it('is taken at once, and shown with size and age', async () => {
    const environmentId = await stopped();
    const document = `mutation ($id: ID!) { snapshotEnvironment(input: { id: $id, name: "before the upgrade" }) {
      ... on Snapshot { id name state sizeBytes environmentName } ... on Refusal { code message } } }`;
    const { data: taken, errors } = await server.ask(document, { id: environmentId }, owner.headers);
    expect(errors).toEqual([]);
    const made = taken.snapshotEnvironment;
    expect(made).toMatchObject({ name: 'before the upgrade', state: 'waiting', sizeBytes: null });
    expect(await tasks()).toEqual([{ id: made.id, environmentId, state: 'waiting', isQuiet: true }]);
    await report({ type: 'progress', snapshotId: made.id, reason: 'the storage system is copying' });
    expect((await row(made.id)).reason).toBe('the storage system is copying');
    await report({ type: 'taken', snapshotId: made.id });
    expect(await tasks()).toMatchObject([{ state: 'taking' }]);
    const size = { type: 'ready', snapshotId: made.id, sizeBytes: 25 * GIB };
    await report(size, size);
    expect(await tasks()).toEqual([]);
    const { data } = await server.ask(
      `{ snapshots { edges { node { id name state sizeBytes isQuiet readyAt environmentName environment { id } } } } }`,
      {},
      owner.headers,
    );
    expect(data.snapshots.edges).toMatchObject([
      { node: { id: made.id, state: 'ready', sizeBytes: 25 * GIB, isQuiet: true, environment: { id: environmentId } } },
    ]);
    const shown = await server.ask(
      'query ($id: ID!) { environment(id: $id) { snapshots { id state createdAt } } }',
      { id: environmentId },
      owner.headers,
    );
    expect(shown.data.environment.snapshots).toMatchObject([{ id: made.id, state: 'ready' }]);
  });

  it('wakes its scheduler, and tells those who look at the environment', async () => {
    const environmentId = await stopped();
    const hints = [server.live.placements(cluster.id), server.live.environment(environmentId)];
    await snapshots().take(owner, { id: environmentId });
    for (const hint of hints) {
      expect((await hint.next()).value).toEqual({ kind: 'changed' });
      await hint.return?.();
    }
  });
});

describe('a snapshot of a running environment', () => {
  it('freezes its worker first, and thaws it when the cut is made', async () => {
    const { id, placement } = await running();
    const { id: snapshotId } = await snapshots().take(owner, { id });
    expect(await tasks()).toMatchObject([{ isQuiet: false }]);
    expect(await wishes(placement)).toEqual([{ snapshotId, verb: 'freeze', limitSeconds: 60 }]);
    await server.report(placement, { type: 'volume.frozen', snapshotId });
    expect(await tasks()).toMatchObject([{ isQuiet: true }]);
    // Asked again after a reconnect.
    expect(await wishes(placement)).toMatchObject([{ verb: 'freeze' }]);
    await report({ type: 'taken', snapshotId });
    expect(await wishes(placement)).toMatchObject([{ verb: 'thaw' }]);
    await server.report(placement, { type: 'volume.thawed', snapshotId, problem: null });
    expect(await wishes(placement)).toEqual([]);
    expect(await row(snapshotId)).toMatchObject({ state: 'taking', isQuiet: true });
  });

  it('is taken as it comes when the worker does not freeze in time', async () => {
    const { id, placement } = await running();
    const { id: snapshotId } = await snapshots().take(owner, { id });
    await passDeadline(snapshotId);
    expect(await tasks()).toMatchObject([{ state: 'waiting', isQuiet: true }]);
    expect(await wishes(placement)).toMatchObject([{ verb: 'thaw' }]);
    // Too late: it is told to thaw anyhow.
    await server.report(placement, { type: 'volume.frozen', snapshotId });
    expect(await wishes(placement)).toMatchObject([{ verb: 'thaw' }]);
    await report({ type: 'taken', snapshotId });
    expect((await row(snapshotId)).isQuiet).toBe(false);
  });

  it('does not keep the worker frozen when the platform is slow', async () => {
    const { id, placement } = await running();
    const { id: snapshotId } = await snapshots().take(owner, { id });
    await server.report(placement, { type: 'volume.frozen', snapshotId });
    await passDeadline(snapshotId);
    expect(await wishes(placement)).toMatchObject([{ verb: 'thaw' }]);
    expect((await row(snapshotId)).state).toBe('waiting');
  });

  it('is of a volume at rest when the worker has stopped before the cut', async () => {
    const { id, placement } = await running();
    const { id: snapshotId } = await snapshots().take(owner, { id });
    await environments().stop(owner, id);
    await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
    await passDeadline(snapshotId);
    await report({ type: 'taken', snapshotId });
    expect((await row(snapshotId)).isQuiet).toBe(true);
  });

  it('says why the worker works on before the cut is made', async () => {
    const { id, placement } = await running();
    const { id: snapshotId } = await snapshots().take(owner, { id });
    await server.report(placement, { type: 'volume.thawed', snapshotId, problem: 'the volume is busy' });
    expect(await row(snapshotId)).toMatchObject({ freeze: 'thawed', reason: 'the volume is busy' });
    expect(await tasks()).toMatchObject([{ isQuiet: true }]);
    await report({ type: 'ready', snapshotId, sizeBytes: 1 });
    expect(await row(snapshotId)).toMatchObject({ state: 'ready', isQuiet: false });
  });

  it('thaws the worker when the platform fails, or when it is not wanted any more', async () => {
    const { id, placement } = await running();
    const { id: failed } = await snapshots().take(owner, { id });
    await server.report(placement, { type: 'volume.frozen', snapshotId: failed });
    await report({ type: 'failed', snapshotId: failed, failure: failure({ class: 'volume', message: 'no class' }) });
    expect(await wishes(placement)).toMatchObject([{ snapshotId: failed, verb: 'thaw' }]);
    const { id: unwanted } = await snapshots().take(owner, { id });
    await server.report(placement, { type: 'volume.frozen', snapshotId: unwanted });
    await snapshots().delete(owner, unwanted);
    expect(await wishes(placement)).toMatchObject([{ verb: 'thaw' }, { verb: 'thaw' }]);
  });

  it('takes no word of another environment’s worker', async () => {
    const [mine, other] = [await running(), await running()];
    const { id: snapshotId } = await snapshots().take(owner, { id: mine.id });
    await server.report(other.placement, { type: 'volume.frozen', snapshotId });
    await server.report(other.placement, { type: 'volume.thawed', snapshotId, problem: null });
    expect((await row(snapshotId)).freeze).toBe('asked');
  });

  it('is one at a time, also when they are asked for at once', async () => {
    const { id } = await running();
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => snapshots().take(owner, { id })));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(2);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'WRONG_STATE' });
  });
});

describe('a snapshot that takes too long', () => {
  it('fails after two hours, and can be deleted', async () => {
    const { id: snapshotId } = await snapshots().take(owner, { id: await stopped() });
    await report({ type: 'progress', snapshotId, reason: 'no room' });
    await passDeadline(snapshotId, { createdAt: new Date(Date.now() - 3 * 3600_000) });
    const { state, failure } = await row(snapshotId);
    expect(state).toBe('failed');
    expect(failure).toMatchObject({ class: 'timed_out', message: expect.stringContaining('no room') });
    await report({ type: 'ready', snapshotId, sizeBytes: 1 });
    expect((await row(snapshotId)).state).toBe('failed');
    await snapshots().delete(owner, snapshotId);
    expect(await tasks()).toMatchObject([{ id: snapshotId, state: 'deleting' }]);
    await report({ type: 'failed', snapshotId, failure: failure_('it is in use') });
    expect(await row(snapshotId)).toMatchObject({ state: 'deleting', reason: 'it is in use' });
    await report({ type: 'deleted', snapshotId });
    expect((await row(snapshotId)).state).toBe('deleted');
    await expect(snapshots().get(owner, snapshotId, 'read')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

const failure_ = (message: string) => failure({ class: 'volume', message });

describe('an environment from a snapshot', () => {
  it('is as its environment was, on the same platform, with room for what is inside', async () => {
    const environmentId = await stopped();
    const snapshot = await ready(environmentId);
    const source = await server.db.environment.findUniqueOrThrow({ where: { id: environmentId } });
    const made = await environments().create(owner, { snapshot });
    expect(made).toMatchObject({
      platformId: cluster.id,
      spec: source.spec,
      instanceTypeId: source.instanceTypeId,
      diskBytes: BigInt(25 * GIB),
      restoredFromId: snapshot,
    });
    expect((await cluster.claim()).find((one) => one.environmentId === made.id)?.spec).toMatchObject({
      restoreFrom: snapshot,
      diskBytes: 25 * GIB,
    });
    const larger = await environments().create(owner, { snapshot, instanceType: 'large', name: 'copy' });
    expect(larger).toMatchObject({ name: 'copy', diskBytes: BigInt(80 * GIB) });
  });

  it('survives the delete of the one that it was taken of', async () => {
    const environmentId = await stopped();
    const snapshot = await ready(environmentId);
    await environments().delete(owner, environmentId, { force: true });
    for (const { id: placementId } of await cluster.claim()) {
      await cluster.observe({ type: 'ended', placementId, wish: 'erase' });
    }
    expect((await environments().create(owner, { snapshot })).phase).toBe('queued');
  });

  it('keeps the snapshot from being deleted until it has its volume', async () => {
    const snapshot = await ready(await stopped());
    const made = await environments().create(owner, { snapshot });
    await expect(snapshots().delete(owner, snapshot)).rejects.toThrow(`${made.name} is being made from it`);
    const placement = (await cluster.claim()).find((one) => one.environmentId === made.id) as Placement;
    await server.hello(placement);
    expect((await snapshots().delete(owner, snapshot)).state).toBe('deleting');
    await expect(environments().create(owner, { snapshot })).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  it('is refused elsewhere, with other sources, and before it is ready', async () => {
    const environmentId = await stopped();
    const snapshot = await ready(environmentId);
    await expect(environments().create(owner, { snapshot, platform: 'local' })).rejects.toThrow('restored there alone');
    await expect(environments().create(owner, { snapshot, gitUrl: 'https://h/a' })).rejects.toThrow('sources already');
    const { id: waiting } = await snapshots().take(owner, { id: environmentId });
    await expect(environments().create(owner, { snapshot: waiting })).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(environments().create(owner, { snapshot: 'nothing' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('is refused', () => {
  it.each([
    [
      { isAvailable: false, reason: 'the cluster has no VolumeSnapshot kinds' },
      'the cluster has no VolumeSnapshot kinds',
    ],
    [null, 'takes none'],
  ])('where the platform takes none: %j', async (feature, message) => {
    const id = await stopped();
    const expansion = { isAvailable: true, reason: null };
    await cluster.beat({ features: feature && { snapshots: feature, expansion } });
    const wish = snapshots().take(owner, { id });
    await expect(wish).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(wish).rejects.toThrow(message);
  });

  it('while there is no volume at rest and no worker to ask', async () => {
    const { id } = await environments().create(owner, { platform: cluster.name });
    await expect(snapshots().take(owner, { id })).rejects.toThrow('the environment is queued');
  });

  it('beyond the quota', async () => {
    const id = await stopped();
    for (let i = 0; i < 5; i++) await ready(id);
    await expect(snapshots().take(owner, { id })).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  });

  it('for others, who see nothing of it; administrators see and remove', async () => {
    const environmentId = await stopped();
    const snapshotId = await ready(environmentId);
    const other = await server.newUser();
    const missing = { code: 'NOT_FOUND' };
    for (const actor of [other, server.administrator]) {
      await expect(snapshots().take(actor, { id: environmentId })).rejects.toMatchObject(missing);
      await expect(environments().create(actor, { snapshot: snapshotId })).rejects.toMatchObject(missing);
    }
    await expect(snapshots().delete(other, snapshotId)).rejects.toMatchObject(missing);
    const document = 'query ($id: ID!) { node(id: $id) { id ... on Snapshot { name } } }';
    expect((await server.ask(document, { id: snapshotId }, other.headers)).data?.node ?? null).toBeNull();
    expect((await server.ask(document, { id: snapshotId })).data.node.id).toBe(snapshotId);
    expect(
      (await server.ask('{ snapshots { edges { node { id } } } }', {}, other.headers)).data.snapshots.edges,
    ).toEqual([]);
    expect((await snapshots().delete(server.administrator, snapshotId)).state).toBe('deleting');
  });

  it('what another platform says of it', async () => {
    const { id: snapshotId } = await snapshots().take(owner, { id: await stopped() });
    const other = await server.newCluster();
    await scheduler().report(other.actor, [{ type: 'ready', snapshotId, sizeBytes: 1 }]);
    expect((await row(snapshotId)).state).toBe('waiting');
    expect(await scheduler().list(other.actor)).toEqual([]);
  });

  it.each([[{}], [{ type: 'ready', snapshotId: 'x', sizeBytes: 1 }], [{ type: 'ready', sizeBytes: -1 }]])(
    'an observation like %j',
    async (observation) => {
      await expect(report(observation)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    },
  );
});

it('keeps its platform from being removed', async () => {
  await ready(await stopped());
  const wish = server.app.services.platformAdmin.remove(server.administrator, cluster.id, { force: false });
  await expect(wish).rejects.toThrow('1 environment and 1 snapshot');
});

it('has no state that the API does not know', async () => {
  const { data } = await server.ask('{ __type(name: "SnapshotState") { enumValues { name } } }');
  const names = data.__type.enumValues.map(({ name }: { name: string }) => name);
  expect(names.sort()).toEqual([...SNAPSHOT_STATES].sort());
});
