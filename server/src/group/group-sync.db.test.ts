import { newId, type UserId } from '@easel/schema/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../db.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { readRights } from '../rights/grants.ts';
import { holds } from '../rights/rights.ts';
import { NAMESPACE_ROLES } from '../rights/roles.ts';

let server: TestServer;
let namespaceId: string;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
  namespaceId = await server.app.services.namespaces.defaultId();
});
afterAll(() => server.close());

const groups = () => server.app.services.groups;

async function newModule(): Promise<string> {
  const settings = { kind: 'oidc' as const, issuer: 'https://id.example.com', clientId: 'a' };
  const wish = { name: newId('event'), secret: 's', settings };
  return (await server.app.services.signInModules.create(server.administrator, wish)).id;
}

/** A group of the module's directory, with a role. */
async function newGroup(moduleId: string, externalName: string, role: { word: string; isSystem?: boolean }) {
  const id = newId('group');
  await server.db.group.create({ data: { id, name: id, moduleId, externalName } });
  const where = role.isSystem ? {} : { namespaceId };
  await server.db.roleGrant.create({ data: { id: newId('grant'), groupId: id, role: role.word, ...where } });
  return id;
}

const sync = (userId: UserId, moduleId: string, names: string[]) =>
  inTransaction(server.db, (tx) => groups().syncFrom(tx, { userId, moduleId, names }));

describe('the groups of a directory', () => {
  it('are made exactly what the directory names, whatever the case, and nothing else is touched', async () => {
    const [moduleId, other] = [await newModule(), await newModule()];
    const staff = await newGroup(moduleId, 'Staff', { word: 'viewer' });
    const developers = await newGroup(moduleId, 'cn=developers,dc=example', { word: 'developer' });
    const elsewhere = await newGroup(other, 'staff', { word: 'administrator' });
    const { userId } = await server.newUser({ role: null });
    await sync(userId, moduleId, ['STAFF', 'unknown']);
    expect(await groups().idsOf(userId)).toEqual([staff]);
    await server.db.groupMember.create({ data: { groupId: elsewhere, userId } });
    await sync(userId, moduleId, ['CN=Developers,DC=example']);
    expect((await groups().idsOf(userId)).sort()).toEqual([developers, elsewhere].sort());
    await sync(userId, moduleId, []);
    expect(await groups().idsOf(userId)).toEqual([elsewhere]);
  });

  it('give what they have, added to what one has oneself, at once', async () => {
    const moduleId = await newModule();
    await newGroup(moduleId, 'developers', { word: 'developer' });
    const user = await server.newUser({ role: 'viewer' });
    await sync(user.userId, moduleId, ['developers']);
    const rights = await readRights(server.db, user.userId);
    const both = new Set([...NAMESPACE_ROLES.viewer, ...NAMESPACE_ROLES.developer]);
    expect(rights.inNamespace).toEqual({ [namespaceId]: both });
    const { data } = await server.ask('{ me { permissions } }', {}, user.headers);
    expect(new Set(data.me.permissions)).toEqual(both);
    await sync(user.userId, moduleId, []);
    expect(holds(await readRights(server.db, user.userId), 'environment.use', namespaceId)).toBe(false);
  });

  it('are told in the audit log, once, and only when something changed', async () => {
    const moduleId = await newModule();
    const id = await newGroup(moduleId, 'told', { word: 'viewer' });
    const { userId } = await server.newUser();
    for (const names of [['none'], ['told'], ['TOLD'], []]) await sync(userId, moduleId, names);
    const entries = await server.db.auditEntry.findMany({
      where: { action: 'syncGroups', thingId: userId },
      orderBy: { id: 'asc' },
    });
    expect(entries.map(({ details }) => details)).toEqual([
      { module: moduleId, added: [id], removed: [], keptAsLastAdministrator: [] },
      { module: moduleId, added: [], removed: [id], keptAsLastAdministrator: [] },
    ]);
  });
});

describe('an administrator by a group', () => {
  it('counts as one, shows as one, and is never the last who goes', async () => {
    const moduleId = await newModule();
    const id = await newGroup(moduleId, 'admins', { word: 'administrator', isSystem: true });
    const user = await server.newUser({ role: null });
    await sync(user.userId, moduleId, ['admins']);
    const { data } = await server.ask('{ me { isAdministrator systemRole } }', {}, user.headers);
    expect(data.me).toEqual({ isAdministrator: true, systemRole: null });
    const { administrator } = server;
    const me = { ...user, rights: await readRights(server.db, user.userId) };
    await server.app.services.userAdmin.setRoles(me, administrator.userId, {});
    await sync(user.userId, moduleId, []);
    expect(await groups().idsOf(user.userId)).toEqual([id]);
    await expect(server.app.services.userAdmin.setDisabled(administrator, user.userId, true)).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
    await server.app.services.userAdmin.setRoles(me, administrator.userId, { systemRole: 'administrator' });
    await sync(user.userId, moduleId, []);
    expect(await groups().idsOf(user.userId)).toEqual([]);
  });
});
