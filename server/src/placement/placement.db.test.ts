import { type EnvironmentId, newId, type PlacementId, type PlatformId } from '@easel/schema/ids';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { CLAIM_SQL, placementStore } from './placement.store.ts';

let server: TestServer;
let owner: UserActor;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
  owner = await server.newUser();
});
afterEach(async () => {
  await server.db.$executeRawUnsafe('TRUNCATE environments CASCADE');
});
afterAll(() => server.close());

const create = async () => (await server.app.services.environments.create(owner, {})).id;
const claim = (claimedBy: string, limit = 100, leaseSeconds = 60) =>
  server.app.services.scheduler.claim(server.platform, { limit, leaseSeconds, claimedBy });
const renew = (claimedBy: string, ids: PlacementId[]) =>
  server.app.services.scheduler.renew(server.platform, { ids, leaseSeconds: 60, claimedBy });

describe('a claim', () => {
  it('gives the oldest first, at most as many as asked for', async () => {
    const ids: EnvironmentId[] = [];
    for (let i = 0; i < 5; i++) ids.push(await create());
    expect((await claim('a', 2)).map(({ environmentId }) => environmentId)).toEqual(ids.slice(0, 2));
    expect((await claim('a')).map(({ environmentId }) => environmentId)).toEqual(ids.slice(2));
    expect(await claim('a')).toEqual([]);
  });

  it('gives each placement to one of many claimers', async () => {
    await Promise.all(Array.from({ length: 40 }, create));
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => claim(`claimer ${i}`, 7)));
    const ids = claims.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    ids.push(...(await claim('last')).map(({ id }) => id));
    expect(new Set(ids).size).toBe(40);
  });

  it('passes over what another transaction has locked, instead of waiting for it', async () => {
    const [locked, free] = [await create(), await create()];
    await server.db.$transaction(async (tx) => {
      await tx.$executeRawUnsafe('SELECT FROM placements WHERE environment_id = $1 FOR UPDATE', locked);
      expect((await claim('a')).map(({ environmentId }) => environmentId)).toEqual([free]);
    });
    expect((await claim('a')).map(({ environmentId }) => environmentId)).toEqual([locked]);
  });

  it('gives nothing of another platform', async () => {
    await create();
    const other = { ...server.platform, platformId: newId('platform') };
    const wish = { limit: 10, leaseSeconds: 60, claimedBy: 'a' };
    expect(await server.app.services.scheduler.claim(other, wish)).toEqual([]);
  });

  it.each([
    { limit: 0, leaseSeconds: 60, claimedBy: 'a' },
    { limit: 1, leaseSeconds: 0, claimedBy: 'a' },
    { limit: 1, leaseSeconds: 60, claimedBy: '' },
    { limit: 501, leaseSeconds: 60, claimedBy: 'a' },
  ])('is refused as %j', async (wish) => {
    await expect(server.app.services.scheduler.claim(server.platform, wish)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });
});

describe('a lease', () => {
  it('is lost to the next claim when it has run out', async () => {
    await create();
    const [first] = await claim('a');
    expect(await claim('b')).toEqual([]);
    await server.db.placement.updateMany({ data: { leaseExpiresAt: new Date(Date.now() - 1) } });
    const [second] = await claim('b');
    expect(second?.id).toBe(first?.id);
    expect(await renew('a', [first?.id as PlacementId])).toEqual([]);
    expect(await renew('b', [first?.id as PlacementId])).toEqual([first?.id]);
  });

  it('is renewed on the database’s clock', async () => {
    await create();
    const [placement] = await claim('a', 1, 1);
    await renew('a', [placement?.id as PlacementId]);
    const row = await server.db.placement.findFirstOrThrow();
    expect(row.leaseExpiresAt?.getTime()).toBeGreaterThan(Date.now() + 50_000);
  });

  it('is lost when the wish changes', async () => {
    const id = await create();
    const [placement] = await claim('a');
    await server.app.services.environments.stop(owner, id);
    expect(await renew('a', [placement?.id as PlacementId])).toEqual([]);
    await server.observe({ type: 'placed', placementId: placement?.id });
    expect((await claim('a'))[0]).toMatchObject({ id: placement?.id, wish: 'end', workerToken: null });
  });
});

it('lists what has not ended, without the tokens of what is not claimed', async () => {
  await Promise.all([create(), create()]);
  const [claimed] = await claim('a', 1);
  const listed = await server.app.services.scheduler.list(server.platform);
  expect(listed.map(({ state }) => state).sort()).toEqual(['claimed', 'waiting']);
  expect(listed.find(({ id }) => id === claimed?.id)?.workerToken).toBe(claimed?.workerToken);
  expect(listed.find(({ state }) => state === 'waiting')?.workerToken).toBeNull();
});

it('says which environments are known, for a platform that looks for orphans', async () => {
  const id = await create();
  const unknown = newId('environment');
  expect(await server.app.services.scheduler.environments(server.platform, [id, unknown])).toEqual([
    { id, phase: 'queued' },
  ]);
});

describe('with a hundred thousand finished placements', () => {
  it('claims through the queue’s index', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, create));
    await server.db.$executeRawUnsafe(
      `INSERT INTO placements (id, environment_id, platform_id, generation, wish, state, run_at)
       SELECT 'plc' || lpad(n::text, 26, '0'), $1, $2, 0, 'run', 'ended', now() - interval '1 day'
       FROM generate_series(1, 100000) AS n`,
      ids[0],
      server.platform.platformId,
    );
    await server.db.$executeRawUnsafe('ANALYZE placements');
    const plan = await planOf(server.platform.platformId);
    expect(plan).toContain('placements_queue_idx');
    expect(plan).not.toMatch(/Seq Scan on placements p\b/);
    // The order comes from the index itself: nothing is sorted before the limit is reached.
    expect(plan).not.toContain('Sort Key');
    expect(
      await placementStore.claim(server.db, server.platform.platformId, { limit: 50, leaseSeconds: 9, claimedBy: 'a' }),
    ).toHaveLength(20);
  });
});

/** The plan of the claim as PostgreSQL would run it. */
async function planOf(platformId: PlatformId): Promise<string> {
  const rows = await server.db.$queryRawUnsafe<{ 'QUERY PLAN': string }[]>(
    `EXPLAIN ${CLAIM_SQL}`,
    platformId,
    50,
    9,
    'a',
  );
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}
