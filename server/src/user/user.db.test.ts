import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import { AppError } from '@easel/schema/errors';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

let server: TestServer;
let user: Awaited<ReturnType<TestServer['newUser']>>;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  user = await server.newUser();
});
afterAll(() => server.close());

const newKey = () => newSshKeyPair().publicKey;

async function code(promise: Promise<unknown>): Promise<string | null> {
  return promise.then(
    () => null,
    (err: unknown) => (err instanceof AppError ? err.code : String(err)),
  );
}

async function signIn(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

const cookieOf = (response: Response) => (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const me = async (headers: Record<string, string>) =>
  (await server.ask('{ me { login } }', {}, headers)).data?.me?.login;

describe('a sign-in', () => {
  it('by a one-time code works once', async () => {
    const secret = await server.app.sessions.newCode(user.userId, 60);
    const response = await signIn({ code: secret });
    expect(response.status).toBe(204);
    const kept = ['easel_session', 'easel_device'].map((name) =>
      expect.stringMatching(`^${name}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=\\d+$`),
    );
    expect(response.headers.getSetCookie()).toEqual(kept);
    expect(await me({ cookie: cookieOf(response) })).toBe(user.login);
    expect((await signIn({ code: secret })).status).toBe(401);
  });

  it('by one code at once, many times, makes one session', async () => {
    const secret = await server.app.sessions.newCode(user.userId, 60);
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => signIn({ code: secret })));
    expect(outcomes.filter(({ status }) => status === 204)).toHaveLength(1);
  });

  it('by a code that is too old does not work', async () => {
    const secret = await server.app.sessions.newCode(user.userId, -1);
    expect((await signIn({ code: secret })).status).toBe(401);
  });

  it('by login and password works once the password is set', async () => {
    await server.app.services.users.setPassword(user, { password: 'correct horse battery' });
    expect((await signIn({ login: user.login, password: 'correct horse battery' })).status).toBe(204);
    const wrong = await signIn({ login: user.login, password: 'wrong horse battery' });
    const unknown = await signIn({ login: 'nobody', password: 'wrong horse battery' });
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(await wrong.text()).toBe(await unknown.text());
  });

  it('is refused for a while after too many failures, to whoever failed', async () => {
    const attempt = (address: string) =>
      server.app.localSignIn
        .withPassword({ login: user.login, password: 'x' }, { address, userAgent: null })
        .catch((err) => err);
    for (let i = 0; i < 10; i++) expect(await attempt('192.0.2.1')).toMatchObject({ code: 'UNAUTHENTICATED' });
    const err = await attempt('192.0.2.1');
    expect(err).toMatchObject({ code: 'RATE_LIMITED' });
    expect(err.details.retryAfterSeconds).toBeGreaterThan(800);
    expect(await attempt('192.0.2.2')).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('of another site is refused', async () => {
    const secret = await server.app.sessions.newCode(user.userId, 60);
    expect((await signIn({ code: secret }, { origin: 'https://evil.example.com' })).status).toBe(403);
    expect((await signIn({ code: secret }, { origin: 'null' })).status).toBe(403);
    expect((await signIn({ code: secret }, { origin: server.url })).status).toBe(204);
  });

  it.each([
    [{}, 'login'],
    [{ login: 'a' }, 'login'],
    [{ code: 'a', login: 'b', password: 'c' }, 'login'],
    [[], 'login'],
  ])('with %j is refused', async (body, message) => {
    const response = await signIn(body);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toContain(message);
  });

  it('takes JSON alone, by POST, of a small size', async () => {
    const form = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"code":"a"}' };
    expect((await fetch(`${server.url}/auth/sign-in`, form)).status).toBe(400);
    expect((await fetch(`${server.url}/auth/sign-in`)).status).toBe(405);
    expect((await signIn({ code: 'a'.repeat(20_000) })).status).toBe(413);
  });
});

function from(n: number) {
  return { address: `192.0.2.${n}`, userAgent: null };
}

async function session(userAgent: string | null = null): Promise<{ cookie: string; actor: UserActor }> {
  const { secret } = await server.app.sessions.open(user.userId, { ...from(99), userAgent });
  const actor = await server.app.sessions.authenticate(secret);
  if (!actor) throw new Error('the session does not work');
  return { cookie: `easel_session=${secret}`, actor };
}

describe('a session', () => {
  it('ends with the sign-out', async () => {
    const { cookie } = await session();
    const response = await fetch(`${server.url}/auth/sign-out`, { method: 'POST', headers: { cookie } });
    expect(response.status).toBe(204);
    expect(response.headers.get('set-cookie')).toContain('easel_session=; ');
    expect(await me({ cookie })).toBeUndefined();
  });

  it('is stored as a hash only', async () => {
    const { cookie } = await session();
    const rows = JSON.stringify(await server.db.session.findMany());
    expect(rows).not.toContain(cookie.split('=')[1]);
  });

  it('ends when the password changes, but for the one that changed it', async () => {
    const [mine, other] = [await session(), await session()];
    await server.app.services.users.setPassword(mine.actor, { password: 'correct horse battery' });
    expect(await me({ cookie: mine.cookie })).toBe(user.login);
    expect(await me({ cookie: other.cookie })).toBeUndefined();
  });

  it('is listed for its user, who ends it from elsewhere', async () => {
    const document = '{ sessions { id userAgent address isCurrent lastUsedAt expiresAt } }';
    const [mine, other] = [await session('Here/1'), await session('There/1')];
    const { sessions } = (await server.ask(document, {}, { cookie: mine.cookie })).data;
    expect(sessions.map((one: Record<string, unknown>) => [one.userAgent, one.isCurrent]).sort()).toEqual([
      ['Here/1', true],
      ['There/1', false],
    ]);
    const isUsed = { address: '192.0.2.99', lastUsedAt: expect.any(String) };
    for (const one of sessions) expect(one).toMatchObject(isUsed);
    const revoke = `mutation ($id: ID!) { revokeSession(id: $id) { __typename ... on Session { id } } }`;
    const there = sessions.find((one: { isCurrent: boolean }) => !one.isCurrent).id;

    const stranger = await server.newUser();
    expect((await server.ask(document, {}, stranger.headers)).data.sessions).toEqual([]);
    expect((await server.ask(revoke, { id: there }, stranger.headers)).data.revokeSession.__typename).toBe('NotFound');
    expect(await me({ cookie: other.cookie })).toBe(user.login);

    expect((await server.ask(revoke, { id: there }, { cookie: mine.cookie })).data.revokeSession.id).toBe(there);
    expect(await me({ cookie: other.cookie })).toBeUndefined();
    expect(await me({ cookie: mine.cookie })).toBe(user.login);
    const again = await server.ask(revoke, { id: there }, { cookie: mine.cookie });
    expect(again.data.revokeSession.__typename).toBe('NotFound');
  });

  it('ends everywhere else at once; for a token, everywhere', async () => {
    const [mine, other] = [await session(), await session()];
    const revoke = 'mutation { revokeOtherSessions { ... on RevokedSessions { count } } }';
    const count = async (headers: Record<string, string>) =>
      (await server.ask(revoke, {}, headers)).data.revokeOtherSessions.count;
    expect(await count({ cookie: mine.cookie })).toBe(1);
    expect(await me({ cookie: other.cookie })).toBeUndefined();
    expect(await me({ cookie: mine.cookie })).toBe(user.login);
    expect(await count(user.headers)).toBe(1);
    expect(await me({ cookie: mine.cookie })).toBeUndefined();
  });

  it('is not used when a token is sent that is no good', async () => {
    const { cookie } = await session();
    const answer = await server.ask('{ me { login } }', {}, { cookie, authorization: 'Bearer easel_pat_nothing' });
    expect(answer).toMatchObject({ status: 401, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });
});

describe('a password', () => {
  it('needs the present one to be changed', async () => {
    const { users } = server.app.services;
    await users.setPassword(user, { password: 'correct horse battery' });
    expect(await code(users.setPassword(user, { password: 'another horse' }))).toBe('FORBIDDEN');
    expect(await code(users.setPassword(user, { current: 'nonsense', password: 'another horse' }))).toBe('FORBIDDEN');
    await users.setPassword(user, { current: 'correct horse battery', password: 'another horse' });
  });

  it('has a least and a greatest length', async () => {
    const { users } = server.app.services;
    expect(await code(users.setPassword(user, { password: 'short' }))).toBe('INVALID_INPUT');
    expect(await code(users.setPassword(user, { password: 'x'.repeat(201) }))).toBe('INVALID_INPUT');
  });
});

describe('an API token', () => {
  it('is shown once, stored as a hash, and works until it is revoked', async () => {
    const { apiTokens } = server.app.services;
    const { token, apiToken } = await apiTokens.create(user, { name: 'ci' });
    expect(token).toMatch(/^easel_pat_[\w-]{49}$/);
    expect(token.startsWith(apiToken.prefix)).toBe(true);
    expect(JSON.stringify(await server.db.apiToken.findMany())).not.toContain(token.slice(20));
    const headers = { authorization: `Bearer ${token}` };
    expect(await me(headers)).toBe(user.login);
    expect((await apiTokens.list(user)).find(({ id }) => id === apiToken.id)?.lastUsedAt).not.toBeNull();
    await apiTokens.revoke(user, apiToken.id);
    expect((await server.ask('{ me { login } }', {}, headers)).status).toBe(401);
  });

  it('ends at its expiry, which lies in the future', async () => {
    const { apiTokens } = server.app.services;
    expect(await code(apiTokens.create(user, { name: 'a', expiresAt: new Date(Date.now() - 1) }))).toBe(
      'INVALID_INPUT',
    );
    const { token, apiToken } = await apiTokens.create(user, { name: 'a', expiresAt: new Date(Date.now() + 60_000) });
    await server.db.apiToken.update({ where: { id: apiToken.id }, data: { expiresAt: new Date(Date.now() - 1) } });
    expect(await apiTokens.authenticate(token)).toBeNull();
  });

  it('of somebody else cannot be revoked', async () => {
    const { apiTokens } = server.app.services;
    const { apiToken } = await apiTokens.create(await server.newUser(), { name: 'a' });
    expect(await code(apiTokens.revoke(user, apiToken.id))).toBe('NOT_FOUND');
  });
});

describe('an SSH key', () => {
  it('is named by its comment, and belongs to its user alone', async () => {
    const { sshKeys } = server.app.services;
    const key = await sshKeys.add(user, { publicKey: `${newKey()} me@home` });
    expect(key.name).toBe('me@home');
    const other = await server.newUser();
    expect(await sshKeys.list(other)).toEqual([]);
    expect(await code(sshKeys.remove(other, key.id))).toBe('NOT_FOUND');
    await sshKeys.remove(user, key.id);
    expect(await sshKeys.list(user)).toEqual([]);
  });

  it('cannot be added twice', async () => {
    const { sshKeys } = server.app.services;
    const publicKey = newKey();
    await sshKeys.add(user, { publicKey });
    expect(await code(sshKeys.add(user, { publicKey: `${publicKey} other comment` }))).toBe('NAME_TAKEN');
  });

  it('reaches the workers that run, at once', async () => {
    const { environments, sshKeys } = server.app.services;
    const { id } = await environments.create(user, {});
    const placement = (await server.claim()).find((placement) => placement.environmentId === id);
    if (!placement) throw new Error('the placement was not handed out');
    await server.hello(placement);
    const hints = server.live.worker(id);
    const key = await sshKeys.add(user, { publicKey: newKey() });
    expect(await hints.next()).toEqual({ done: false, value: { kind: 'changed' } });
    expect((await server.app.facts.entry(id)).authorizedKeys).toMatchObject([
      { publicKey: key.publicKey, userId: user.userId },
    ]);
    await hints.return?.();
  });
});
