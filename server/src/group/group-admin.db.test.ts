import { AppError } from '@easel/schema/errors';
import { newId } from '@easel/schema/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { readRights } from '../rights/grants.ts';
import { holds } from '../rights/rights.ts';
import type { Permission } from '../rights/roles.ts';

let server: TestServer;
/** Manages users, and has nothing else to give. */
let manager: UserActor;
let namespaceId: string;
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (err: unknown) => (err instanceof AppError ? err.code : err),
  );
const tail = () => newId('event').slice(-10);
const groups = () => server.app.services.groupAdmin;
const roles = () => server.app.services.roles;
const admin = () => server.app.services.userAdmin;

beforeAll(async () => {
  server = await openServer(suiteDatabase());
  namespaceId = await server.app.services.namespaces.defaultId();
  const role = await newRole('system', ['user.view', 'user.edit']);
  const user = await server.newUser({ role: null });
  await admin().setRoles(server.administrator, user.userId, { custom: [{ role }] });
  manager = { ...user, rights: await readRights(server.db, user.userId) };
});
afterAll(() => server.close());

async function newRole(scope: 'system' | 'namespace', permissions: Permission[]): Promise<string> {
  return (await roles().create(server.administrator, { name: tail(), scope, permissions })).id;
}

const has = async (user: UserActor, permission: Permission) =>
  holds(await readRights(server.db, user.userId), permission, namespaceId);

describe('whoever manages users alone', () => {
  it('sets up no way of signing in, by which he could become anybody', async () => {
    const { signInModules, factors } = server.app.services;
    const settings = { kind: 'oidc' as const, issuer: 'https://id.example.com', clientId: 'a', trustsEmail: true };
    expect(await code(signInModules.create(manager, { name: tail(), secret: 's', settings }))).toBe('FORBIDDEN');
    expect(await code(factors.reset(manager, server.administrator.userId))).toBe('FORBIDDEN');
    expect(await code(factors.reset(manager, (await server.newUser({ role: null })).userId))).toBe('done');
  });
});

describe('a group', () => {
  it('gives its members what it has, service accounts too, until they leave or it is deleted', async () => {
    const group = await groups().create(server.administrator, { name: tail(), roles: [{ role: 'developer' }] });
    const person = await server.newUser({ role: null });
    const account = await admin().createServiceAccount(server.administrator, { login: `s${tail()}`, name: 's' });
    await groups().changeMembers(server.administrator, group.id, { add: [person.userId, account.id] });
    expect(await has(person, 'environment.use')).toBe(true);
    expect((await readRights(server.db, account.id)).inNamespace[namespaceId]?.has('environment.use')).toBe(true);
    await groups().changeMembers(server.administrator, group.id, { remove: [person.userId] });
    expect(await has(person, 'environment.use')).toBe(false);
    await groups().delete(server.administrator, group.id);
    expect((await readRights(server.db, account.id)).inNamespace).toEqual({});
  });

  it('has a name of its own, and one for each name of a directory', async () => {
    const name = tail();
    await groups().create(server.administrator, { name });
    expect(await code(groups().create(server.administrator, { name }))).toBe('NAME_TAKEN');
    const settings = { kind: 'oidc' as const, issuer: 'https://id.example.com', clientId: 'a' };
    const wish = { name: tail(), secret: 's', settings };
    const { id: module } = await server.app.services.signInModules.create(server.administrator, wish);
    const kept = await groups().create(server.administrator, { name: tail(), module, externalName: 'Staff' });
    const again = { name: tail(), module, externalName: 'STAFF' };
    expect(await code(groups().create(server.administrator, again))).toBe('NAME_TAKEN');
    const { userId } = await server.newUser();
    const change = groups().changeMembers(server.administrator, kept.id, { add: [userId] });
    expect(await code(change)).toBe('WRONG_STATE');
  });

  it('that gives more than one holds takes in nobody by him, neither himself', async () => {
    const administrators = { name: tail(), roles: [{ systemRole: 'administrator' as const }] };
    expect(await code(groups().create(manager, administrators))).toBe('FORBIDDEN');
    const group = await groups().create(server.administrator, administrators);
    expect(await code(groups().changeMembers(manager, group.id, { add: [manager.userId] }))).toBe('FORBIDDEN');
    const own = await groups().create(manager, { name: tail() });
    const raised = { name: own.name, roles: [{ role: 'developer' as const }] };
    expect(await code(groups().update(manager, own.id, raised))).toBe('FORBIDDEN');
    expect(await code(groups().update(manager, own.id, { name: `${own.name} 2` }))).toBe('done');
    const invited = server.app.services.invitations.create(manager, { name: 'x', groups: [group.id] });
    expect(await code(invited)).toBe('FORBIDDEN');
  });

  it('is what an invitation puts into', async () => {
    const group = await groups().create(server.administrator, { name: tail(), roles: [{ role: 'viewer' }] });
    const { invitations } = server.app.services;
    const { code: secret } = await invitations.create(server.administrator, { name: 'x', groups: [group.id] });
    const login = `l${tail()}`;
    await invitations.join(
      secret,
      { login, name: 'x', password: 'correct horse battery' },
      { address: '', userAgent: null },
    );
    const { data } = await server.ask(`{ group: node(id: "${group.id}") { ... on Group {
      memberCount roles { role namespace { name } } members { edges { node { login roles { role group { name } } } } } } } }`);
    expect(data.group).toEqual({
      memberCount: 1,
      roles: [{ role: 'viewer', namespace: { name: 'default' } }],
      members: { edges: [{ node: { login, roles: [{ role: 'viewer', group: { name: group.name } }] } }] },
    });
  });
});

describe('a role that people made', () => {
  it('holds only what fits its scope, and only what its maker holds', async () => {
    const wish = { name: tail(), scope: 'namespace' as const, permissions: ['user.edit' as const] };
    expect(await code(roles().create(server.administrator, wish))).toBe('INVALID_INPUT');
    expect(await code(roles().create(manager, { ...wish, scope: 'system', permissions: ['audit.view'] }))).toBe(
      'FORBIDDEN',
    );
    expect(await code(roles().create(manager, { ...wish, scope: 'system' }))).toBe('done');
  });

  it('changes what everybody has who has it, and is deleted only when nobody has', async () => {
    const id = await newRole('namespace', ['template.view']);
    const user = await server.newUser({ role: null });
    await admin().setRoles(server.administrator, user.userId, { custom: [{ role: id }] });
    const { name } = await server.db.role.findUniqueOrThrow({ where: { id } });
    const wish = {
      name,
      scope: 'namespace' as const,
      permissions: ['template.view' as const, 'environment.use' as const],
    };
    await roles().update(server.administrator, id, wish);
    expect(await has(user, 'environment.use')).toBe(true);
    expect(await code(roles().delete(server.administrator, id))).toBe('WRONG_STATE');
    expect(await code(roles().update(server.administrator, id, { ...wish, scope: 'system' }))).toBe('WRONG_STATE');
    await admin().setRoles(server.administrator, user.userId, { custom: [] });
    expect(await code(roles().delete(server.administrator, id))).toBe('done');
  });

  it('stays with a user whose other roles are set without naming it', async () => {
    const id = await newRole('namespace', ['environment.use']);
    const user = await server.newUser({ role: null });
    await admin().setRoles(server.administrator, user.userId, { custom: [{ role: id }] });
    await admin().setRoles(server.administrator, user.userId, { role: 'viewer' });
    expect(await has(user, 'environment.use')).toBe(true);
  });
});

describe('whoever manages users', () => {
  it('gives nobody, and takes over nobody, who has more than he', async () => {
    const user = await server.newUser();
    expect(await code(admin().setRoles(manager, user.userId, { systemRole: 'administrator' }))).toBe('FORBIDDEN');
    expect(await code(admin().setRoles(manager, user.userId, { role: 'developer' }))).toBe('done');
    expect(await code(admin().resetPassword(manager, server.administrator.userId))).toBe('FORBIDDEN');
    const account = { login: `s${tail()}`, name: 's', systemRole: 'administrator' as const };
    expect(await code(admin().createServiceAccount(manager, account))).toBe('FORBIDDEN');
    const { id: owner } = await admin().createServiceAccount(server.administrator, account);
    expect(await code(server.app.services.apiTokens.create(manager, { name: 'x', owner }))).toBe('FORBIDDEN');
    expect(await code(server.app.services.invitations.create(manager, { name: 'x', systemRole: 'auditor' }))).toBe(
      'FORBIDDEN',
    );
    expect(await code(admin().setDisabled(manager, user.userId, true))).toBe('done');
  });
});

describe('why somebody may', () => {
  it('is told with every way by which each permission comes', async () => {
    const group = await groups().create(server.administrator, { name: tail(), roles: [{ role: 'developer' }] });
    const user = await server.newUser({ role: 'viewer' });
    await groups().changeMembers(server.administrator, group.id, { add: [user.userId] });
    const { data } = await server.ask(`{ node(id: "${user.userId}") { ... on User { permissionSources {
      permission role { role group { name } namespace { name } } } } } }`);
    const own = { role: 'viewer', group: null, namespace: { name: 'default' } };
    const byGroup = { role: 'developer', group: { name: group.name }, namespace: { name: 'default' } };
    expect(data.node.permissionSources).toEqual([
      { permission: 'environment.use', role: byGroup },
      { permission: 'environment.view', role: own },
      expect.objectContaining({ permission: 'template.view' }),
      expect.objectContaining({ permission: 'template.view' }),
    ]);
  });

  it('is answered for an act with a thing, as the rules decide', async () => {
    const owner = await server.newUser();
    const { id } = await server.app.services.environments.create(owner, { name: `e-${tail()}` });
    const stranger = await server.newUser({ role: 'viewer' });
    const ask = async (user: string, act: string, thing?: string) => {
      const document = `query ($user: ID!, $thing: ID) {
        explainAccess(user: $user, act: ${act}, thing: $thing) { isAllowed reason permission sources { role { role } } } }`;
      const { data, errors } = await server.ask(document, { user, thing: thing ?? null });
      return data?.explainAccess ?? errors[0]?.extensions?.code;
    };
    expect(await ask(owner.userId, 'environment_enter', id)).toEqual({
      isAllowed: true,
      reason: 'it is theirs, and they hold "environment.use"',
      permission: 'environment.use',
      sources: [{ role: { role: 'developer' } }],
    });
    expect(await ask(stranger.userId, 'environment_read', id)).toMatchObject({
      isAllowed: true,
      permission: 'environment.view',
      sources: [{ role: { role: 'viewer' } }],
    });
    expect(await ask(server.administrator.userId, 'environment_enter', id)).toMatchObject({ isAllowed: false });
    expect(await ask(stranger.userId, 'user_change')).toMatchObject({ isAllowed: false, permission: 'user.edit' });
    expect(await ask(stranger.userId, 'environment_enter')).toBe('INVALID_INPUT');
    await admin().setDisabled(server.administrator, owner.userId, true);
    expect(await ask(owner.userId, 'environment_read', id)).toMatchObject({
      isAllowed: false,
      reason: 'the user is disabled, and may do nothing',
    });
  });
});
