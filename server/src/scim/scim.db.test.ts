/** As Entra ID and Okta send it: the forms are those of their public documentation of SCIM. */
import { newId } from '@easel/schema/ids';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { readRights } from '../rights/grants.ts';
import { CORE_GROUP, CORE_USER, ENTERPRISE_USER } from './scim-path.ts';

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
  const { roles, userAdmin, apiTokens } = server.app.services;
  const permissions = ['user.view' as const, 'user.edit' as const];
  const role = await roles.create(server.administrator, { name: 'Provisioning', scope: 'system', permissions });
  const account = await userAdmin.createServiceAccount(server.administrator, { login: 'scim', name: 'SCIM' });
  await userAdmin.setRoles(server.administrator, account.id, { custom: [{ role: role.id }] });
  ({ token } = await apiTokens.create(server.administrator, { name: 'entra', owner: account.id }));
});
afterAll(() => server.close());

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/scim/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: suites read what they have asked for.
  return { status: response.status, headers: response.headers, body: (text ? JSON.parse(text) : null) as any };
}

const newName = () => `${newId('event').slice(-10)}@example.com`;
const entraUser = (userName: string) => ({
  schemas: [CORE_USER, ENTERPRISE_USER],
  externalId: userName.split('@')[0],
  userName,
  active: true,
  emails: [{ primary: true, type: 'work', value: userName }],
  meta: { resourceType: 'User' },
  name: { formatted: 'Ada Lovelace', familyName: 'Lovelace', givenName: 'Ada' },
  [ENTERPRISE_USER]: { department: 'Engines' },
});
const patchOf = (...Operations: unknown[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations,
});
const filter = (text: string) => `?filter=${encodeURIComponent(text)}`;

describe('what the server says of itself', () => {
  it('is there for whoever has the token', async () => {
    const { status, body, headers } = await send('GET', '/ServiceProviderConfig');
    expect([status, body.patch.supported, body.bulk.supported]).toEqual([200, true, false]);
    expect(headers.get('content-type')).toContain('application/scim+json');
    expect((await send('GET', '/ResourceTypes')).body.Resources.map(({ id }: { id: string }) => id)).toEqual([
      'User',
      'Group',
    ]);
    expect((await send('GET', `/Schemas/${CORE_USER}`)).body.name).toBe('User');
  });

  it('is closed to nobody, to a session, to a developer, and to what is not SCIM', async () => {
    const asked = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}/scim/v2/Users`, { headers })).status;
    expect(await asked({})).toBe(401);
    expect(await asked({ authorization: 'Bearer nothing' })).toBe(401);
    const developer = await server.newUser();
    const { secret } = await server.app.sessions.open(server.administrator.userId, { address: '', userAgent: null });
    expect(await asked({ cookie: `__Host-easel-session=${secret}; easel-session=${secret}` })).toBe(401);
    expect(await asked(developer.headers)).toBe(403);
    expect((await send('POST', '/Users', {}, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await send('POST', '/Users', { userName: 'x'.repeat(2_100_000) })).status).toBe(413);
    expect((await send('GET', '/Elsewhere')).status).toBe(404);
    expect((await send('PUT', '/Users', {})).status).toBe(405);
  });
});

describe('Entra ID', () => {
  it('looks for somebody, makes him, changes him, and disables him', async () => {
    const userName = newName();
    expect((await send('GET', `/Users${filter(`userName eq "${userName}"`)}`)).body).toMatchObject({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 0,
      Resources: [],
    });
    const made = await send('POST', '/Users', entraUser(userName));
    expect([made.status, made.body.userName, made.body.active]).toEqual([201, userName, true]);
    expect(made.body[ENTERPRISE_USER]).toEqual({ department: 'Engines' });
    expect(made.body.meta.location).toContain(`/scim/v2/Users/${made.body.id}`);
    const user = await server.db.user.findUniqueOrThrow({ where: { id: made.body.id } });
    expect(user).toMatchObject({ kind: 'person', name: 'Ada Lovelace', email: userName, isAdministrator: false });
    expect((await send('POST', '/Users', entraUser(userName.toUpperCase()))).body).toMatchObject({
      status: '409',
      scimType: 'uniqueness',
    });
    const found = await send('GET', `/Users${filter(`userName eq "${userName.toUpperCase()}" and active eq true`)}`);
    expect(found.body.Resources.map(({ id }: { id: string }) => id)).toEqual([made.body.id]);
    const changed = await send(
      'PATCH',
      `/Users/${made.body.id}`,
      patchOf(
        { op: 'Replace', path: 'displayName', value: 'Ada L.' },
        { op: 'Add', path: 'emails[type eq "work"].value', value: `new-${userName}` },
        { op: 'Replace', path: 'active', value: 'False' },
      ),
    );
    expect(changed.body).toMatchObject({ active: false, displayName: 'Ada L.' });
    const after = await server.db.user.findUniqueOrThrow({ where: { id: made.body.id } });
    expect(after).toMatchObject({ name: 'Ada L.', email: `new-${userName}`, disabledAt: expect.any(Date) });
  });

  it('makes a group, puts people in and takes them out, and they have what an administrator has given it', async () => {
    const { body: user } = await send('POST', '/Users', entraUser(newName()));
    const displayName = newName();
    const group = { schemas: [CORE_GROUP], externalId: 'g1', displayName, meta: { resourceType: 'Group' } };
    const { status, body: made } = await send('POST', '/Groups', group);
    expect([status, made.members]).toEqual([201, []]);
    const roles = [{ role: 'developer' as const }];
    await server.app.services.groupAdmin.update(server.administrator, made.id, { name: displayName, roles });
    const found = await send('GET', `/Groups${filter(`displayName eq "${displayName}"`)}&excludedAttributes=members`);
    expect(found.body.Resources).toEqual([expect.not.objectContaining({ members: expect.anything() })]);
    await send(
      'PATCH',
      `/Groups/${made.id}`,
      patchOf({ op: 'Add', path: 'members', value: [{ $ref: null, value: user.id }] }),
    );
    expect(Object.keys((await readRights(server.db, user.id)).inNamespace)).toHaveLength(1);
    const members = await send('GET', `/Groups${filter(`id eq "${made.id}" and members eq "${user.id}"`)}`);
    expect(members.body.totalResults).toBe(1);
    await send('PATCH', `/Groups/${made.id}`, patchOf({ op: 'Remove', path: 'members', value: [{ value: user.id }] }));
    expect(await readRights(server.db, user.id)).toMatchObject({ inNamespace: {} });
    expect((await send('DELETE', `/Groups/${made.id}`)).status).toBe(204);
    expect((await send('GET', `/Groups/${made.id}`)).status).toBe(404);
  });
});

describe('Okta', () => {
  it('makes a user, replaces him whole, and disables him by a patch without a path', async () => {
    const userName = newName();
    const wish = {
      schemas: [CORE_USER],
      userName,
      name: { givenName: 'Grace', familyName: 'Hopper' },
      emails: [{ primary: true, value: userName, type: 'work' }],
      displayName: 'Grace Hopper',
      locale: 'en-US',
      externalId: '00ujl29u0le5T6Aj10h7',
      groups: [],
      password: '1mz050nq',
      active: true,
    };
    const { body: made } = await send('POST', '/Users', wish);
    expect(JSON.stringify(made)).not.toContain('1mz050nq');
    const { body: put } = await send('PUT', `/Users/${made.id}`, { ...wish, id: made.id, displayName: 'Rear Admiral' });
    expect([put.displayName, put.locale]).toEqual(['Rear Admiral', 'en-US']);
    const { status, body } = await send(
      'PATCH',
      `/Users/${made.id}`,
      patchOf({ op: 'replace', value: { active: false } }),
    );
    expect([status, body.active]).toEqual([200, false]);
    const entries = await server.db.auditEntry.findMany({ where: { thingId: made.id }, orderBy: { id: 'asc' } });
    expect(entries.map(({ action, outcome, actorLogin }) => [action, outcome, actorLogin])).toEqual([
      ['scimCreateUser', 'done', 'scim'],
      ['scimReplaceUser', 'done', 'scim'],
      ['scimPatchUser', 'done', 'scim'],
    ]);
    expect(JSON.stringify(entries)).not.toContain('1mz050nq');
  });

  it('reads everybody in pages', async () => {
    await send('POST', '/Users', entraUser(newName()));
    await send('POST', '/Users', entraUser(newName()));
    const first = await send('GET', '/Users?startIndex=1&count=2');
    expect([first.body.itemsPerPage, first.body.startIndex]).toEqual([2, 1]);
    const second = await send('GET', '/Users?startIndex=3&count=2');
    const ids = [...first.body.Resources, ...second.body.Resources].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect((await send('GET', '/Users?count=0')).body).toMatchObject({ itemsPerPage: 0, Resources: [] });
    expect((await send('GET', `/Users${filter('userName sw "a"')}`)).body).toMatchObject({ scimType: 'invalidFilter' });
    expect((await send('GET', `/Users${filter('password eq "a"')}`)).body).toMatchObject({ scimType: 'invalidFilter' });
  });
});

describe('whoever is deleted', () => {
  it('is out everywhere within two seconds, keeps his environments, and is the same one if he is made again', async () => {
    const userName = newName();
    const { body: made } = await send('POST', '/Users', entraUser(userName));
    const session = await server.app.sessions.open(made.id, { address: '', userAgent: null });
    const actor = await server.app.sessions.authenticate(session.secret);
    if (!actor) throw new Error('no session');
    const own = await server.app.services.apiTokens.create(actor, { name: 'own' });
    let closedAt = 0;
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazy: false,
      connectionParams: { token: own.token },
      onNonLazyError: () => undefined,
    });
    await new Promise<void>((resolve) => client.on('connected', () => resolve()));
    const closed = new Promise<void>((resolve) => {
      client.on('closed', () => {
        closedAt = Date.now();
        resolve();
      });
    });
    const begunAt = Date.now();
    expect((await send('DELETE', `/Users/${made.id}`)).status).toBe(204);
    expect(await server.app.sessions.authenticate(session.secret)).toBeNull();
    expect(await server.app.services.apiTokens.authenticate(own.token)).toBeNull();
    await closed;
    expect(closedAt - begunAt).toBeLessThan(2500);
    expect((await send('GET', `/Users/${made.id}`)).status).toBe(404);
    expect((await send('GET', `/Users${filter(`userName eq "${userName}"`)}`)).body.totalResults).toBe(0);
    const again = await send('POST', '/Users', entraUser(userName));
    expect([again.status, again.body.id, again.body.active]).toEqual([201, made.id, true]);
  });

  it('is never the last administrator, and no administrator gets another address', async () => {
    const { userId } = server.administrator;
    const refused = await send('DELETE', `/Users/${userId}`);
    expect([refused.status, refused.body.status]).toEqual([409, '409']);
    expect((await send('PATCH', `/Users/${userId}`, patchOf({ op: 'replace', value: { active: false } }))).status).toBe(
      409,
    );
    const emails = [{ value: 'evil@example.com', primary: true }];
    expect((await send('PATCH', `/Users/${userId}`, patchOf({ op: 'replace', value: { emails } }))).status).toBe(403);
    expect((await server.db.user.findUniqueOrThrow({ where: { id: userId } })).email).toBeNull();
  });

  it('is none who is in a group of ours: a directory does not see those', async () => {
    const { groupAdmin } = server.app.services;
    const group = await groupAdmin.create(server.administrator, {
      name: newName(),
      roles: [{ systemRole: 'administrator' }],
    });
    expect((await send('GET', `/Groups/${group.id}`)).status).toBe(404);
    const path = patchOf({ op: 'add', path: 'members', value: [{ value: server.administrator.userId }] });
    expect((await send('PATCH', `/Groups/${group.id}`, path)).status).toBe(404);
    const wish = { schemas: [CORE_GROUP], displayName: group.name };
    expect((await send('POST', '/Groups', wish)).body).toMatchObject({ status: '409', scimType: 'uniqueness' });
  });
});
