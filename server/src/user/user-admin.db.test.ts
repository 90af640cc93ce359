import { AppError } from '@easel/schema/errors';
import { newId } from '@easel/schema/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asUser } from '../actor.ts';
import { newSignInLink } from '../bootstrap.ts';
import { openServer, sessionOf, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { ADMINISTRATOR } from '../rights/rights.kit.ts';
import { NAMESPACE_ROLES } from '../rights/roles.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
afterAll(() => server.close());

const admin = () => server.app.services.userAdmin;
const invitations = () => server.app.services.invitations;
const from = { address: '192.0.2.7', userAgent: 'test' };
const password = 'correct horse battery';
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (err: unknown) => (err instanceof AppError ? err.code : err),
  );
const newLogin = () => `l${newId('event').slice(-10)}`;

describe('an invitation', () => {
  it('makes a user with the roles that were chosen before, once', async () => {
    const given = { name: 'Ada', email: 'ada@example.com', role: 'viewer' as const };
    const { code: secret, invitation } = await invitations().create(server.administrator, given);
    expect(await invitations().show(secret, from)).toMatchObject({ name: 'Ada', invitedBy: 'Administrator' });
    const login = newLogin();
    await invitations().join(secret, { login, name: 'Ada L.', password }, from);
    const session = await server.app.localSignIn.withPassword({ login, password }, from);
    const actor = await server.app.sessions.authenticate(sessionOf(session).secret);
    expect(actor).toMatchObject({ login, rights: { everywhere: new Set() } });
    expect(Object.values(actor?.rights.inNamespace ?? {})).toEqual([new Set(NAMESPACE_ROLES.viewer)]);
    expect(await code(invitations().join(secret, { login: newLogin(), name: 'B', password }, from))).toBe(
      'UNAUTHENTICATED',
    );
    expect((await invitations().list(server.administrator)).map(({ id }) => id)).not.toContain(invitation.id);
  });

  it('is for one of many who use it at once', async () => {
    const { code: secret } = await invitations().create(server.administrator, { name: 'race' });
    const tries = Array.from({ length: 5 }, () =>
      code(invitations().join(secret, { login: newLogin(), name: 'r', password }, from)),
    );
    expect((await Promise.all(tries)).filter((said) => said === 'done')).toHaveLength(1);
  });

  it('is still good when the login is taken or the password too short', async () => {
    const { code: secret } = await invitations().create(server.administrator, { name: 'again' });
    const wish = { login: 'admin', name: 'x', password };
    expect(await code(invitations().join(secret, wish, from))).toBe('NAME_TAKEN');
    expect(await code(invitations().join(secret, { ...wish, login: newLogin(), password: 'short' }, from))).toBe(
      'INVALID_INPUT',
    );
    expect(await code(invitations().join(secret, { ...wish, login: 'A B' }, from))).toBe('INVALID_INPUT');
    expect(await code(invitations().join(secret, { ...wish, login: newLogin() }, from))).toBe('done');
  });

  it('opens nothing once it is withdrawn or too old', async () => {
    const withdrawn = await invitations().create(server.administrator, { name: 'w' });
    await invitations().withdraw(server.administrator, withdrawn.invitation.id);
    expect(await code(invitations().withdraw(server.administrator, withdrawn.invitation.id))).toBe('NOT_FOUND');
    const old = await invitations().create(server.administrator, { name: 'o', lifetimeHours: 1 });
    await server.db.invitation.update({ where: { id: old.invitation.id }, data: { expiresAt: new Date() } });
    for (const { code: secret } of [withdrawn, old]) {
      expect(await code(invitations().show(secret, from))).toBe('UNAUTHENTICATED');
    }
  });

  it('is not stored with its code', async () => {
    const { code: secret } = await invitations().create(server.administrator, { name: 'hidden' });
    expect(JSON.stringify(await server.db.invitation.findMany())).not.toContain(secret);
  });

  it('is used over HTTP, which signs the new user in', async () => {
    const { code: secret } = await invitations().create(server.administrator, { name: 'web', role: 'developer' });
    const post = (path: string, body: object, origin?: string) =>
      fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(origin ? { origin } : {}) },
        body: JSON.stringify(body),
      });
    expect(await (await post('/auth/invitation', { code: secret })).json()).toMatchObject({ name: 'web' });
    const wish = { code: secret, login: newLogin(), name: 'W', password };
    expect((await post('/auth/join', wish, 'https://evil.example')).status).toBe(403);
    const joined = await post('/auth/join', wish);
    expect(joined.status).toBe(204);
    expect(joined.headers.get('set-cookie')).toMatch(/HttpOnly/);
    const refused = await post('/auth/join', wish);
    expect([refused.status, (await refused.json()).code]).toEqual([401, 'UNAUTHENTICATED']);
  });
});

describe('a user who is disabled', () => {
  it('is refused by password, session, token and SSH key, until enabled again', async () => {
    const user = await server.newUser();
    const { secret } = await server.app.sessions.open(user.userId, from);
    await server.app.services.users.setPassword(user, { password });
    const ways = async () => ({
      password: await code(server.app.localSignIn.withPassword({ login: user.login, password }, from)),
      session: (await server.app.sessions.authenticate(secret)) !== null,
      token: (await server.app.services.apiTokens.authenticate(user.token)) !== null,
    });
    expect(await ways()).toEqual({ password: 'done', session: false, token: true });
    const { secret: second } = await server.app.sessions.open(user.userId, from);
    await admin().setDisabled(server.administrator, user.userId, true);
    expect(await server.app.sessions.authenticate(second)).toBeNull();
    expect(await ways()).toEqual({ password: 'UNAUTHENTICATED', session: false, token: false });
    await admin().setDisabled(server.administrator, user.userId, false);
    expect(await ways()).toEqual({ password: 'done', session: false, token: true });
  });

  it('is never oneself', async () => {
    const wish = admin().setDisabled(server.administrator, server.administrator.userId, true);
    expect(await code(wish)).toBe('WRONG_STATE');
  });
});

describe('the last administrator', () => {
  it('stays one, also when two demote each other at once', async () => {
    const { administrator } = server;
    expect(await code(admin().setRoles(administrator, administrator.userId, { role: 'viewer' }))).toBe('WRONG_STATE');
    const second = await server.newUser({ systemRole: 'administrator' });
    const tries = [
      code(admin().setRoles(administrator, second.userId, {})),
      code(admin().setRoles(second, administrator.userId, {})),
    ];
    expect((await Promise.all(tries)).sort()).toEqual(['WRONG_STATE', 'done']);
    expect(await server.db.user.count({ where: { isAdministrator: true, kind: 'person', disabledAt: null } })).toBe(1);
    await server.db.user.update({ where: { id: administrator.userId }, data: { isAdministrator: true } });
  });

  it('comes back by the link of whoever may run commands beside the server', async () => {
    const { userId } = server.administrator;
    await server.db.user.update({ where: { id: userId }, data: { isAdministrator: false, disabledAt: new Date() } });
    const link = new URL(await newSignInLink(server.app, 'https://easel.example.com'));
    const session = await server.app.localSignIn.withCode(link.searchParams.get('code') ?? '', from);
    const actor = await server.app.sessions.authenticate(sessionOf(session).secret);
    expect(actor).toMatchObject({ userId, rights: ADMINISTRATOR });
  });
});

describe('roles', () => {
  it('are judged anew with every request', async () => {
    const user = await server.newUser({ role: 'viewer' });
    const create = async () => {
      const actor = asUser(await server.app.authentication.ofToken(user.token));
      return code(server.app.services.environments.create(actor, { name: newLogin() }));
    };
    expect(await create()).toBe('FORBIDDEN');
    await admin().setRoles(server.administrator, user.userId, { role: 'developer' });
    expect(await create()).toBe('done');
  });

  it('of others are not told to everybody', async () => {
    const owner = await server.newUser();
    await server.db.user.update({ where: { id: owner.userId }, data: { email: 'o@example.com' } });
    await server.app.services.environments.create(owner, { name: 'mine' });
    const viewer = await server.newUser({ role: 'viewer' });
    const { id } = await server.db.environment.findFirstOrThrow({ where: { ownerId: owner.userId } });
    const document = `{ environment(id: "${id}") { owner { login email role systemRole permissions disabledAt } } }`;
    const seen = async (headers: Record<string, string>) =>
      (await server.ask(document, {}, headers)).data.environment.owner;
    const hidden = { email: null, role: null, systemRole: null, permissions: [], disabledAt: null };
    expect(await seen(viewer.headers)).toEqual({ login: owner.login, ...hidden });
    expect(await seen(owner.headers)).toMatchObject({
      email: 'o@example.com',
      role: 'developer',
      permissions: ['environment.use', 'template.view'],
    });
  });
});

describe('the API', () => {
  it('gives all that can be asked of what it changes', async () => {
    const person = 'id login name kind email systemRole role permissions hasPassword createdAt disabledAt';
    const invitation = 'id name email systemRole role invitedBy createdAt expiresAt';
    const user = await server.newUser();
    const document = `mutation ($id: ID!, $login: String!) {
      setUserRoles(id: $id, roles: { role: viewer, systemRole: auditor }) { ... on User { ${person} } }
      setUserDisabled(id: $id, isDisabled: true) { ... on User { ${person} } }
      createServiceAccount(input: { login: $login, name: "S", role: developer }) { ... on User { ${person} } }
      resetUserPassword(id: $id) { ... on PasswordReset { signInPath user { ${person} } } }
      createInvitation(input: { name: "I", role: viewer }) { ... on CreatedInvitation {
        joinPath invitation { ${invitation} } } } }`;
    const { data, errors } = await server.ask(document, { id: user.userId, login: newLogin() });
    expect(errors).toEqual([]);
    expect(data.setUserRoles).toMatchObject({ id: user.userId, role: 'viewer', systemRole: 'auditor' });
    expect(data.setUserDisabled.disabledAt).not.toBeNull();
    expect(data.createServiceAccount).toMatchObject({ kind: 'service', role: 'developer' });
    expect(data.resetUserPassword).toMatchObject({ user: { hasPassword: false } });
    const { id } = data.createInvitation.invitation;
    const found = await server.ask(
      `{ invitations { ${invitation} } users(search: "S") { edges { node { ${person} } } } }`,
    );
    expect(found.errors).toEqual([]);
    expect(found.data.invitations[0]).toMatchObject({ id, invitedBy: 'Administrator', role: 'viewer' });
    const withdrawn = await server.ask(
      `mutation ($id: ID!) { withdrawInvitation(id: $id) { ... on Invitation { ${invitation} } } }`,
      { id },
    );
    expect(withdrawn.data.withdrawInvitation).toMatchObject({ id, invitedBy: 'Administrator' });
  });
});

describe('a service account', () => {
  it('has tokens that administrators make, and nobody signs in as it', async () => {
    const login = newLogin();
    const account = await admin().createServiceAccount(server.administrator, { login, name: 'CI', role: 'developer' });
    const { apiTokens } = server.app.services;
    const { token, apiToken } = await apiTokens.create(server.administrator, { name: 'ci', owner: account.id });
    expect(await apiTokens.authenticate(token)).toMatchObject({ login });
    expect(await apiTokens.list(server.administrator, account.id)).toHaveLength(1);
    expect(await code(admin().resetPassword(server.administrator, account.id))).toBe('WRONG_STATE');
    expect(await code(admin().createServiceAccount(server.administrator, { login, name: 'again' }))).toBe('NAME_TAKEN');
    const person = await server.newUser();
    expect(await code(apiTokens.create(server.administrator, { name: 'x', owner: person.userId }))).toBe('NOT_FOUND');
    await apiTokens.revoke(server.administrator, apiToken.id);
    expect(await apiTokens.authenticate(token)).toBeNull();
  });
});

describe('a password that is reset', () => {
  it('is good for nothing, and its link sets a new one', async () => {
    const user = await server.newUser();
    await server.app.services.users.setPassword(user, { password });
    const { secret } = await server.app.sessions.open(user.userId, from);
    const { code: once } = await admin().resetPassword(server.administrator, user.userId);
    expect(await server.app.sessions.authenticate(secret)).toBeNull();
    const wrong = server.app.localSignIn.withPassword({ login: user.login, password }, from);
    expect(await code(wrong)).toBe('UNAUTHENTICATED');
    const session = await server.app.localSignIn.withCode(once, from);
    const actor = asUser((await server.app.sessions.authenticate(sessionOf(session).secret)) ?? server.platform);
    expect(await code(server.app.services.users.setPassword(actor, { password: `${password} 2` }))).toBe('done');
  });
});

describe('what ends', () => {
  it('is told to the worker of the environment, which cuts what came in by it', async () => {
    const user = await server.newUser();
    const { id } = await server.app.services.environments.create(user, { name: 'told' });
    const entry = () => server.app.facts.entry(id);
    const { apiToken } = await server.app.services.apiTokens.create(user, { name: 'a' });
    await server.app.sessions.open(user.userId, from);
    expect((await entry()).revokedCredentials).toEqual([]);
    await server.app.services.apiTokens.revoke(user, apiToken.id);
    expect((await entry()).revokedCredentials).toEqual([apiToken.id]);
    await server.app.services.sessions.revokeOthersOf(user);
    expect((await entry()).revokedCredentials).toHaveLength(2);
    const left = await server.app.services.apiTokens.list(user);
    await admin().setDisabled(server.administrator, user.userId, true);
    expect((await entry()).revokedCredentials).toEqual(expect.arrayContaining(left.map((token) => token.id)));
  });
});
