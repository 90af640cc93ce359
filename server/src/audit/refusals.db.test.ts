/** What is refused leaves an entry, as what is done does, and a loop of it does not fill the log. */
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
afterAll(() => server.close());
beforeEach(() => server.db.auditEntry.deleteMany());

/** But the one of a token's first use. */
const entriesOf = async (actorId: string) =>
  server.db.auditEntry.findMany({
    where: { actorId, action: { not: 'useApiToken' } },
    orderBy: [{ at: 'asc' }, { id: 'asc' }],
  });

it('a query that is refused leaves who, what and which permission was missing, once', async () => {
  const viewer = await server.newUser({ role: 'viewer' });
  for (let i = 0; i < 5; i++) {
    await server.ask('{ a: auditEntries(first: 1) { edges { node { id } } } }', {}, viewer.headers);
    await server.ask('{ invitations { id } }', {}, viewer.headers);
  }
  const found = await vi.waitFor(async () => {
    const entries = await entriesOf(viewer.userId);
    expect(entries.length).toBe(2);
    return entries;
  });
  expect(found).toMatchObject([
    { action: 'auditEntries', outcome: 'FORBIDDEN', actorLogin: viewer.login, details: { permission: 'audit.view' } },
    { action: 'invitations', outcome: 'FORBIDDEN', details: { permission: 'user.view' } },
  ]);
  expect(found[0]?.address).toMatch(/127\.0\.0\.1$/);
  await server.app.services.audit.tellCounts({ isEnd: true });
  expect((await entriesOf(viewer.userId)).slice(2)).toMatchObject([
    { action: 'auditEntries', details: { again: 4 } },
    { action: 'invitations', details: { again: 4 } },
  ]);
});

it('what is hidden from who asks is named, and what does not exist is not', async () => {
  const owner = await server.newUser();
  const stranger = await server.newUser();
  const { id } = await server.app.services.environments.create(owner, { name: 'hidden-box', template: 'sample' });
  const query = 'query ($id: ID!) { environment(id: $id) { id } node(id: $id) { id } }';
  await server.ask(query, { id }, stranger.headers);
  await server.ask(query, { id: `${id.slice(0, -4)}0000` }, stranger.headers);
  await vi.waitFor(async () => expect((await entriesOf(stranger.userId)).length).toBeGreaterThanOrEqual(2));
  for (const entry of await entriesOf(stranger.userId)) expect(entry.thingId).toBe(id);
  expect(await entriesOf(stranger.userId)).toContainEqual(
    expect.objectContaining({ action: 'environment', outcome: 'NOT_FOUND', thingName: 'hidden-box' }),
  );
});

it('a subscription that is refused leaves an entry too', async () => {
  const owner = await server.newUser();
  const stranger = await server.newUser();
  const { id } = await server.app.services.environments.create(owner, { name: 'watched-box', template: 'sample' });
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { token: stranger.token },
  });
  const query = `subscription { environmentChanged(id: "${id}") { id } }`;
  await expect(client.iterate({ query }).next()).rejects.toBeTruthy();
  await client.dispose();
  await vi.waitFor(async () =>
    expect(await entriesOf(stranger.userId)).toMatchObject([{ action: 'environmentChanged', thingId: id }]),
  );
});

it('a token that has ended is named when somebody tries it, and so is one that begins like a token of ours', async () => {
  const user = await server.newUser();
  const [row] = await server.app.services.apiTokens.list(user);
  await server.ask('{ me { id } }', {}, { authorization: `Bearer ${user.token.slice(0, -3)}xyz` });
  await server.app.services.apiTokens.revoke(user, row?.id ?? '');
  for (let i = 0; i < 3; i++) expect((await server.ask('{ me { id } }', {}, user.headers)).status).toBe(401);
  await server.ask('{ me { id } }', {}, { authorization: `Bearer easel_pat_${'nobody'.repeat(8)}` });
  const entries = await vi.waitFor(async () => {
    const found = await server.db.auditEntry.findMany({ where: { action: 'useApiToken' }, orderBy: { id: 'asc' } });
    expect(found.length).toBeGreaterThan(0);
    return found;
  });
  expect(entries).toMatchObject([
    { actorKind: 'anonymous', outcome: 'UNAUTHENTICATED', thingId: row?.id, thingName: 'test' },
  ]);
  expect(JSON.stringify(entries)).not.toContain(user.token.slice(14));
});

it('a key that is known and may not enter leaves an entry, and one that nobody has does not', async () => {
  const user = await server.newUser();
  const publicKey = `ssh-ed25519 ${Buffer.from(`\0\0\0\x0bssh-ed25519\0\0\0 ${'k'.repeat(32)}`, 'latin1').toString('base64')}`;
  const { id } = await server.app.services.sshKeys.add(user, { publicKey, name: 'mine' });
  for (const [login, key] of [
    ['not-mine', publicKey],
    ['My Pa$$word', publicKey],
    ['not-mine', `${publicKey.slice(0, -8)}AAAAAAA=`],
  ] as const) {
    const refused = server.app.services.sshAccess.authorize(server.platform, {
      login,
      publicKey: key,
      address: '192.0.2.7',
    });
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
  }
  const entries = await server.db.auditEntry.findMany({ where: { action: 'enterBySsh' }, orderBy: { id: 'asc' } });
  expect(entries).toMatchObject([
    { actorId: user.userId, credentialId: id, thingName: 'not-mine', outcome: 'FORBIDDEN', address: '192.0.2.7' },
    { thingName: null },
  ]);
});
