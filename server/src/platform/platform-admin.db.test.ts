import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { UserActor } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

let server: TestServer;
let owner: UserActor & { headers: Record<string, string> };
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  owner = await server.newUser();
});
afterAll(() => server.close());

const admin = () => server.app.services.platformAdmin;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const environments = () => server.app.services.environments;

describe('a platform that is connected', () => {
  it('shows its token once, and comes online with its first heartbeat', async () => {
    const document = `mutation { createPlatform(input: { name: "eu-west" }) {
      ... on PlatformWithToken { token platform { id name kind isOnline settingsVersion } } } }`;
    const { data } = await server.ask(document);
    const { token, platform } = data.createPlatform;
    expect(token).toMatch(/^easel_platform_[A-Za-z0-9_-]{49}$/);
    expect(platform).toMatchObject({ name: 'eu-west', isOnline: false, settingsVersion: 0 });
    const beat = `mutation { platformHeartbeat(input: { kind: "kubernetes", clusterVersion: "v1.33.1" }) {
      id isOnline settingsVersion isDraining settings clusterVersion } }`;
    const answer = (await server.ask(beat, {}, bearer(token))).data.platformHeartbeat;
    expect(answer).toMatchObject({ id: platform.id, isOnline: true, settingsVersion: 0, clusterVersion: 'v1.33.1' });
    expect(answer.settings).toMatchObject({ runtimeClass: null, tolerations: [] });
    await expect(admin().create(server.administrator, { name: 'eu-west' })).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
  });

  it('gets another token, and the old one opens nothing', async () => {
    const cluster = await server.newCluster();
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { token: cluster.token },
      retryAttempts: 0,
    });
    const socket = client.iterate({ query: 'subscription { placementsChanged }' });
    await socket.next();
    const { token } = await admin().rotateToken(server.administrator, cluster.id);
    expect((await server.ask('{ platformPlacements }', {}, bearer(cluster.token))).errors[0]?.extensions?.code).toBe(
      'UNAUTHENTICATED',
    );
    expect((await server.ask('{ platformPlacements }', {}, bearer(token))).data.platformPlacements).toEqual([]);
    // The first events were hints; then the socket itself ends.
    const ended = (async () => {
      for (;;) if ((await socket.next()).done) return 'ended';
    })();
    expect(await ended.catch(() => 'ended')).toBe('ended');
    await client.dispose();
  });

  it('says what it can do and lacks; the rest is for administrators and itself', async () => {
    const cluster = await server.newCluster({
      features: {
        snapshots: { isAvailable: false, reason: 'the cluster has no VolumeSnapshot kinds' },
        expansion: { isAvailable: true, reason: null },
      },
      storageClasses: [{ name: 'standard', isDefault: true, canExpand: true, provisioner: 'x' }],
      problems: ['it may not list events'],
    });
    const document = `query { platforms { id features { snapshots { isAvailable reason } expansion { isAvailable } }
      storageClasses { name canExpand } problems settings settingsProblem } }`;
    const seen = async (headers?: Record<string, string>) =>
      (await server.ask(document, {}, headers)).data.platforms.find(({ id }: { id: string }) => id === cluster.id);
    const features = {
      snapshots: { isAvailable: false, reason: 'the cluster has no VolumeSnapshot kinds' },
      expansion: { isAvailable: true },
    };
    expect(await seen()).toMatchObject({
      features,
      storageClasses: [{ name: 'standard', canExpand: true }],
      problems: ['it may not list events'],
      settings: { labels: {} },
    });
    expect(await seen(owner.headers)).toMatchObject({ features, storageClasses: [], problems: [], settings: null });
  });

  it.each([
    { features: { snapshots: 'yes' } },
    { storageClasses: [{ name: 1 }] },
    { problems: ['x'.repeat(2000)] },
    { settingsVersion: -1 },
  ])('is not heard with %j', async (fields) => {
    await expect(server.newCluster(fields as object)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('settings', () => {
  it('are stored with a version, told with the heartbeat, and remembered once they are in force', async () => {
    const cluster = await server.newCluster();
    const set = (settings: unknown) => admin().updateSettings(server.administrator, cluster.id, settings);
    expect(await set({ runtimeClass: 'sysbox-runc' })).toMatchObject({ settingsVersion: 1, appliedSettings: null });
    expect(await cluster.beat()).toMatchObject({ settingsVersion: 1, settings: { runtimeClass: 'sysbox-runc' } });
    await cluster.beat({ settingsVersion: 1 });
    await set({ runtimeClass: 'nonsense' });
    const refused = await cluster.beat({ settingsVersion: 1, settingsProblem: 'there is no runtime class "nonsense"' });
    expect(refused).toMatchObject({
      settingsVersion: 2,
      settings: { runtimeClass: 'nonsense' },
      settingsAppliedVersion: 1,
      appliedSettings: { runtimeClass: 'sysbox-runc' },
      settingsProblem: 'there is no runtime class "nonsense"',
    });
    // A scheduler that has just started goes back to what it had.
    expect(await cluster.beat()).toMatchObject({
      settingsAppliedVersion: 1,
      appliedSettings: { runtimeClass: 'sysbox-runc' },
    });
    expect(await set({ runtimeClass: null })).toMatchObject({ settingsVersion: 3, settingsProblem: null });
  });

  it('that are wrong are refused by their fields', async () => {
    const cluster = await server.newCluster();
    const document = `mutation ($id: ID!, $settings: JSON!) { updatePlatformSettings(id: $id, settings: $settings) {
      ... on Refusal { code details } } }`;
    const settings = { registryMirrors: ['a b'], tolerations: [{ effect: 'Never' }], nonsense: 1 };
    const { data } = await server.ask(document, { id: cluster.id, settings });
    const paths = data.updatePlatformSettings.details.fields.map(({ path }: { path: string }) => path);
    expect(data.updatePlatformSettings.code).toBe('INVALID_INPUT');
    expect(paths).toEqual(expect.arrayContaining(['registryMirrors.0', 'tolerations.0.effect']));
  });

  it('wake the scheduler', async () => {
    const cluster = await server.newCluster();
    const hints = server.live.placements(cluster.id);
    await admin().updateSettings(server.administrator, cluster.id, {});
    expect((await hints.next()).value).toEqual({ kind: 'changed' });
    await hints.return?.();
  });

  it('are not for the platform of the server’s own machine', async () => {
    await expect(admin().updateSettings(server.administrator, server.platform.platformId, {})).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });
});

describe('a platform that is drained', () => {
  it('starts nothing new, and is left out where nobody chooses', async () => {
    const cluster = await server.newCluster();
    const { id } = await environments().create(owner, { platform: cluster.name });
    await environments().stop(owner, id);
    const changes = await admin().setDraining(server.administrator, cluster.id, true);
    expect(changes.isDraining).toBe(true);
    expect((await cluster.beat()).isDraining).toBe(true);
    const refused = { code: 'WRONG_STATE' };
    await expect(environments().create(owner, { platform: cluster.id })).rejects.toMatchObject(refused);
    await expect(environments().start(owner, id)).rejects.toMatchObject(refused);
    expect((await environments().create(owner, {})).platformId).not.toBe(cluster.id);
    await admin().setDraining(server.administrator, cluster.id, false);
    expect((await environments().start(owner, id)).phase).toBe('queued');
  });
});

describe('a platform that is removed', () => {
  it('must be empty first; then it is gone, and its name is free', async () => {
    const cluster = await server.newCluster();
    const { id } = await environments().create(owner, { platform: cluster.name });
    await expect(admin().remove(server.administrator, cluster.id, { force: false })).rejects.toThrow(
      'still has 1 environment:',
    );
    await environments().delete(owner, id, { force: true });
    const erase = (await cluster.claim())[0];
    await cluster.observe({ type: 'ended', placementId: erase?.id, wish: 'erase' });
    await admin().remove(server.administrator, cluster.id, { force: false });
    expect((await server.app.services.platforms.list()).map((row) => row.id)).not.toContain(cluster.id);
    expect((await server.ask('{ platformPlacements }', {}, bearer(cluster.token))).errors[0]?.extensions?.code).toBe(
      'UNAUTHENTICATED',
    );
    await expect(environments().create(owner, { platform: cluster.id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await admin().create(server.administrator, { name: cluster.name });
    await expect(admin().remove(server.administrator, cluster.id, { force: false })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('with force is given up with all that lies there, once nothing is heard of it', async () => {
    const cluster = await server.newCluster();
    const running = await environments().create(owner, { platform: cluster.name });
    await cluster.claim();
    const queued = await environments().create(owner, { platform: cluster.name });
    const elsewhere = await environments().create(owner, { platform: server.platform.name });
    const { snapshots, snapshotScheduler } = server.app.services;
    const kept = await environments().create(owner, { platform: cluster.name });
    await environments().stop(owner, kept.id);
    const snapshot = await snapshots.take(owner, { id: kept.id });
    const snapshotId = snapshot.id;
    await snapshotScheduler.report(cluster.actor, [{ type: 'taken', snapshotId }]);
    await expect(admin().remove(server.administrator, cluster.id, { force: true })).rejects.toThrow('is heard of');
    expect((await environments().get(owner, running.id, 'read')).phase).toBe('provisioning');

    await server.db.platform.update({ where: { id: cluster.id }, data: { lastSeenAt: new Date(0) } });
    await expect(admin().remove(server.administrator, cluster.id, { force: false })).rejects.toThrow('with force');
    await admin().remove(server.administrator, cluster.id, { force: true });
    for (const { id } of [running, queued, kept]) {
      expect(await environments().findEver(id)).toMatchObject({ phase: 'deleted', desired: 'deleted' });
    }
    expect((await environments().get(owner, elsewhere.id, 'read')).phase).toBe('queued');
    expect(await server.db.placement.count({ where: { platformId: cluster.id, state: { not: 'ended' } } })).toBe(0);
    expect(await server.db.snapshot.findUnique({ where: { id: snapshot.id } })).toMatchObject({ state: 'deleted' });
    expect((await server.app.services.platforms.list()).map((row) => row.id)).not.toContain(cluster.id);
  });
});

it('is changed by administrators alone', async () => {
  const { id } = await server.newCluster();
  const refused = { code: 'FORBIDDEN' };
  await expect(admin().create(owner, { name: 'mine' })).rejects.toMatchObject(refused);
  await expect(admin().rotateToken(owner, id)).rejects.toMatchObject(refused);
  await expect(admin().updateSettings(owner, id, {})).rejects.toMatchObject(refused);
  await expect(admin().setDraining(owner, id, true)).rejects.toMatchObject(refused);
  await expect(admin().remove(owner, id, { force: true })).rejects.toMatchObject(refused);
});

describe('platforms in several places', () => {
  it('each lead through their own relay and jump', async () => {
    const [a, b] = [
      await server.newCluster({ relayUrl: 'wss://relay.a.example.com', sshHost: 'ssh.a.example.com', sshPort: 22 }),
      await server.newCluster({ relayUrl: 'wss://relay.b.example.com', sshHost: 'ssh.b.example.com', sshPort: 22 }),
    ];
    for (const { id, name } of [a, b]) {
      expect((await environments().create(owner, { platform: name })).platformId).toBe(id);
    }
    expect(await a.claim()).toHaveLength(1);
    expect(await b.claim()).toHaveLength(1);
  });

  it('tell the host keys of their jumps, for clients to check', async () => {
    const cluster = await server.newCluster();
    const key = `ssh-ed25519 ${'A'.repeat(68)}`;
    const document = 'mutation ($keys: [String!]!) { jumpHeartbeat(input: { sshHostKeys: $keys }) }';
    expect((await server.ask(document, { keys: [key] }, bearer(cluster.token))).data.jumpHeartbeat).toBe(true);
    const { data } = await server.ask('{ platforms { id sshHostKeys } }', {}, owner.headers);
    expect(data.platforms).toContainEqual({ id: cluster.id, sshHostKeys: [key] });
    const wrong = await server.ask(document, { keys: ['x\ny'] }, bearer(cluster.token));
    expect(wrong.errors[0]?.extensions?.code).toBe('INVALID_INPUT');
  });
});

describe('who looks at platforms', () => {
  it('is told of changes, of silence, and not of every heartbeat', async () => {
    const cluster = await server.newCluster();
    const changes = server.live.platforms({ id: cluster.id });
    await cluster.beat();
    await cluster.beat({ version: '0.2.0' });
    expect((await changes.next()).value).toEqual({ kind: 'changed' });
    const seen = new Date(Date.now() - 36_000);
    await server.db.platform.update({ where: { id: cluster.id }, data: { lastSeenAt: seen } });
    await server.app.services.platforms.tellSilent();
    expect((await changes.next()).value).toEqual({ kind: 'changed' });
    await changes.return?.();
  });

  it('gets the list at once and again', async () => {
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { token: server.adminToken },
      retryAttempts: 0,
    });
    // biome-ignore lint/suspicious/noExplicitAny: the shape is the document's.
    const stream = client.iterate<any>({ query: 'subscription { platformsChanged { id name isDraining } }' });
    const first = (await stream.next()).value;
    expect(first.data.platformsChanged.map(({ name }: { name: string }) => name)).toContain('local');
    const cluster = await server.newCluster();
    // biome-ignore lint/suspicious/noExplicitAny: the shape is the document's.
    const one = client.iterate<any>({
      query: 'subscription ($id: ID!) { platformChanged(id: $id) { id removedAt } }',
      variables: { id: cluster.id },
    });
    await one.next();
    await admin().remove(server.administrator, cluster.id, { force: false });
    let last = null;
    for (let next = await one.next(); !next.done; next = await one.next()) last = next.value.data.platformChanged;
    expect(last.removedAt).not.toBeNull();
    await client.dispose();
  });
});
