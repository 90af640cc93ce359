/** Sessions that end with the account at the provider, accounts that are linked, and GitHub. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { openGithub, type TestGithub } from './github.kit.ts';
import type { ModuleSettingsInput } from './module-settings.ts';
import { openProvider, type TestProvider } from './provider.kit.ts';

let server: TestServer;
let provider: TestProvider;
let github: TestGithub;
let count = 0;

beforeAll(async () => {
  server = await openServer(suiteDatabase());
  [provider, github] = await Promise.all([openProvider(), openGithub()]);
});
afterAll(async () => {
  await server.close();
  await provider.close();
  await github.close();
});
beforeEach(async () => {
  // Those of other tests are somebody else at the same providers.
  await server.db.sessionCheck.deleteMany();
  Object.assign(provider, { isGone: false, givesRefreshTokens: true });
  provider.account = { sub: `s${++count}`, preferred_username: `ada${count}` };
  Object.assign(github, { isSuspended: false, organisations: [], teams: [], emails: [] });
  github.user = { id: 1000 + count, login: `octo${count}`, name: null };
});

async function newModule(settings: Partial<ModuleSettingsInput> & { kind: 'oidc' | 'github' }) {
  const isOidc = settings.kind === 'oidc';
  const at = isOidc
    ? { issuer: provider.issuer, clientId: provider.clientId }
    : { url: github.url, clientId: github.clientId };
  const { id } = await server.app.services.signInModules.create(server.administrator, {
    name: `l${++count}`,
    secret: isOidc ? provider.clientSecret : github.clientSecret,
    settings: { ...at, mayRegister: true, ...settings } as ModuleSettingsInput,
  });
  if (isOidc) provider.allow(`${server.url}/auth/oidc/${id}/callback`);
  return { id, kind: settings.kind };
}
type Module = Awaited<ReturnType<typeof newModule>>;

const get = (url: URL | string, cookie = '') => fetch(url, { redirect: 'manual', headers: { cookie } });
const cookieOf = (response: Response, name: string) =>
  response.headers
    .getSetCookie()
    .find((cookie) => cookie.startsWith(`${name}=`))
    ?.split(';')[0] ?? '';

/** The whole way of a browser that has this session already, or none. */
async function walk(path: string, session = '') {
  const started = await get(`${server.url}${path}`, session);
  const to = new URL(started.headers.get('location') ?? '', server.url);
  if (to.origin === server.url)
    return { problem: to.searchParams.get('problem'), session: '', actor: null, path: to.pathname };
  const state = cookieOf(started, 'easel_sign_in');
  const callback = to.href.startsWith(github.url)
    ? ((await get(to)).headers.get('location') ?? '')
    : await provider.consent(to);
  const response = await get(callback, [session, state].filter(Boolean).join('; '));
  const ended = new URL(response.headers.get('location') ?? '', server.url);
  const cookie = cookieOf(response, 'easel_session');
  const actor = cookie ? await actorOf(cookie) : null;
  return { problem: ended.searchParams.get('problem'), session: cookie, actor, path: ended.pathname };
}
const signIn = ({ id, kind }: Module) => walk(`/auth/${kind}/${id}/start`);
const actorOf = (cookie: string) => server.app.sessions.authenticate(cookie.replace('easel_session=', ''));
const due = () => server.db.$executeRawUnsafe("UPDATE session_checks SET checked_at = now() - interval '31 seconds'");
async function sweep() {
  await due();
  return server.app.providerCheck.sweep();
}

describe('a session that came by a provider', () => {
  it.each([
    ['by its refresh token', true],
    ['by its access token', false],
  ])('lives as long as the provider knows the person, asked %s', async (_name, givesRefreshTokens) => {
    provider.givesRefreshTokens = givesRefreshTokens;
    const { session, actor } = await signIn(await newModule({ kind: 'oidc' }));
    for (let turn = 0; turn < 3; turn++) expect(await sweep()).toBe(0);
    expect(await actorOf(session)).not.toBeNull();
    const stored = await server.db.sessionCheck.findFirstOrThrow({
      where: { session: { userId: actor?.userId ?? '' } },
    });
    expect(stored.sealed).toMatch(/^v\d\./);
    provider.isGone = true;
    expect(await sweep()).toBe(1);
    expect(await actorOf(session)).toBeNull();
    const entry = await server.db.auditEntry.findFirstOrThrow({
      where: { action: 'endSessionsOfModule', thingId: actor?.userId ?? '' },
    });
    expect(entry.outcome).toBe('done');
    const user = await server.db.user.findUniqueOrThrow({ where: { id: actor?.userId ?? '' } });
    expect(user.disabledAt).toBeNull();
  });

  it('is looked at when its turn comes, and by one replica alone', async () => {
    await signIn(await newModule({ kind: 'oidc' }));
    provider.isGone = true;
    expect(await server.app.providerCheck.sweep()).toBe(0);
    await due();
    const both = await Promise.all([server.app.providerCheck.sweep(), server.app.providerCheck.sweep()]);
    expect(both[0] + both[1]).toBe(1);
  });

  it('outlives a provider that does not answer, and one that says that the client is wrong', async () => {
    const away = await openProvider();
    const module = await newModule({ kind: 'oidc' });
    const { session } = await signIn(module);
    await server.db.signInModule.update({
      where: { id: module.id },
      data: { version: { increment: 1 }, settings: { issuer: away.issuer, clientId: 'unknown', mayRegister: true } },
    });
    expect(await sweep()).toBe(0);
    await away.close();
    await server.db.signInModule.update({ where: { id: module.id }, data: { version: { increment: 1 } } });
    expect(await sweep()).toBe(0);
    expect(await actorOf(session)).not.toBeNull();
  });

  it('ends with its module', async () => {
    const module = await newModule({ kind: 'oidc' });
    const { session } = await signIn(module);
    await server.app.services.signInModules.delete(server.administrator, module.id);
    expect(await actorOf(session)).toBeNull();
  });
});

describe('a logout at the provider', () => {
  let issuer: Server;
  let url: string;
  let sign: (claims: Record<string, unknown>, typ?: string) => Promise<string>;
  let moduleId: string;
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const now = () => Math.floor(Date.now() / 1000);
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' };
    issuer = createServer((request, response) => {
      const endpoints = {
        issuer: url,
        authorization_endpoint: `${url}/a`,
        token_endpoint: `${url}/t`,
        jwks_uri: `${url}/jwks`,
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : endpoints));
    });
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;
    sign = (claims, typ = 'logout+jwt') =>
      new SignJWT({ iss: url, aud: 'easel', iat: now(), exp: now() + 60, jti: `j${++count}`, events, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k', typ })
        .sign(privateKey);
    moduleId = (await newModule({ kind: 'oidc', issuer: url, clientId: 'easel' } as never)).id;
  });
  afterAll(() => new Promise((resolve) => issuer.close(resolve)));

  async function newSession(subject: string, providerSession: string) {
    const user = await server.newUser();
    const watch = (tx: never, sessionId: string) =>
      (tx as typeof server.db).sessionCheck
        .create({ data: { sessionId, moduleId, subject, providerSession } })
        .then(() => undefined);
    const { secret } = await server.app.sessions.open(
      user.userId,
      { address: 'a', userAgent: null },
      { moduleId, also: watch as never },
    );
    return () => server.app.sessions.authenticate(secret);
  }
  const post = async (token: string) =>
    (
      await fetch(`${server.url}/auth/oidc/${moduleId}/logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      })
    ).status;

  it('ends the sessions of the person, or of the session, that the token names', async () => {
    const [one, two, other] = [
      await newSession('a', 'sid-a'),
      await newSession('b', 'sid-b'),
      await newSession('c', 'sid-c'),
    ];
    expect(await post(await sign({ sub: 'a' }))).toBe(200);
    expect(await post(await sign({ sid: 'sid-b' }))).toBe(200);
    expect([await one(), await two(), (await other())?.kind]).toEqual([null, null, 'user']);
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another client', { aud: 'other' }],
    ['with a nonce, as an ID token has it', { nonce: 'n' }],
    ['without the event', { events: {} }],
    ['of another event', { events: { other: {} } }],
    ['with an event that is no object', { events: { 'http://schemas.openid.net/event/backchannel-logout': true } }],
    ['that names nobody', { sub: undefined }],
    ['that is old', { iat: now() - 3600 }],
    ['that has expired', { exp: now() - 60 }],
    ['without an id', { jti: undefined }],
  ])('counts for nothing %s', async (_name, claims) => {
    const isIn = await newSession('d', `sid-${++count}`);
    expect(await post(await sign({ sub: 'd', ...claims }))).toBe(400);
    expect(await isIn()).not.toBeNull();
  });

  it('counts once, and not with another signature or type', async () => {
    const token = await sign({ sub: 'e' });
    expect(await post(token)).toBe(200);
    expect(await post(token)).toBe(400);
    const forged = await new SignJWT({
      iss: url,
      aud: 'easel',
      iat: now(),
      exp: now() + 60,
      jti: 'x',
      events,
      sub: 'e',
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .sign((await generateKeyPair('RS256')).privateKey);
    expect(await post(forged)).toBe(400);
    expect(await post(await sign({ sub: 'e' }, 'at+jwt'))).toBe(400);
    expect(await post('')).toBe(400);
  });
});

describe('an account', () => {
  async function user() {
    const actor = await server.newUser();
    const { secret } = await server.app.sessions.open(actor.userId, { address: 'a', userAgent: null });
    return { actor: actor as UserActor, session: `easel_session=${secret}` };
  }
  const linkPath = (actor: UserActor, module: Module) => server.app.services.accountLinks.path(actor, module.id);
  const linked = async (actor: UserActor) =>
    (await server.app.services.identities.list(actor, null)).map(({ subject }) => subject);
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (err) => err.code,
    );

  it('is linked by whoever is signed in, and signs that user in from then on', async () => {
    const module = await newModule({ kind: 'oidc', mayRegister: false });
    const { actor, session } = await user();
    expect(await walk(await linkPath(actor, module), session)).toMatchObject({
      problem: null,
      path: '/settings/accounts',
      session: '',
    });
    expect(await linked(actor)).toEqual([provider.account.sub]);
    expect((await signIn(module)).actor?.userId).toBe(actor.userId);
    const entry = await server.db.auditEntry.findFirstOrThrow({
      where: { action: 'linkAccount', actorId: actor.userId },
    });
    expect(entry).toMatchObject({ outcome: 'done', thingId: module.id });
  });

  it('asks for a fresh sign-in there', async () => {
    const module = await newModule({ kind: 'oidc' });
    const { actor, session } = await user();
    const started = await get(`${server.url}${await linkPath(actor, module)}`, session);
    expect(new URL(started.headers.get('location') ?? '').searchParams.get('prompt')).toBe('login');
  });

  it('that somebody else has is refused', async () => {
    const module = await newModule({ kind: 'oidc' });
    const owner = (await signIn(module)).actor;
    const { actor, session } = await user();
    expect((await walk(await linkPath(actor, module), session)).problem).toContain('belongs to another user');
    expect(await linked(actor)).toEqual([]);
    expect((await signIn(module)).actor?.userId).toBe(owner?.userId);
  });

  it('is linked by no link of somebody else, none that is old or changed, and to nobody who has signed in meanwhile', async () => {
    const module = await newModule({ kind: 'oidc' });
    const [me, evil] = [await user(), await user()];
    const path = await linkPath(evil.actor, module);
    expect((await walk(path, me.session)).problem).toContain('begun too long ago, or by somebody else');
    expect((await walk(path)).problem).toContain('begun too long ago, or by somebody else');
    expect((await walk(`${path}x`, evil.session)).problem).toContain('begun too long ago');
    const other = await newModule({ kind: 'oidc' });
    expect((await walk(path.replace(module.id, other.id), evil.session)).problem).toContain('begun too long ago');
    const started = await get(`${server.url}${await linkPath(evil.actor, other)}`, evil.session);
    const callback = await provider.consent(new URL(started.headers.get('location') ?? ''));
    const ended = await get(callback, `${me.session}; ${cookieOf(started, 'easel_sign_in')}`);
    expect(decodeURIComponent(ended.headers.get('location') ?? '')).toContain('somebody else is signed in');
    expect([await linked(me.actor), await linked(evil.actor)]).toEqual([[], []]);
  });

  it('is unlinked by its user, but never as the last way in', async () => {
    const [module, second] = [await newModule({ kind: 'oidc' }), await newModule({ kind: 'github' })];
    provider.allow(`${server.url}/auth/oidc/${module.id}/callback`);
    const { session, actor } = await signIn(module);
    if (!actor) throw new Error('nobody');
    const unlink = (moduleId: string, subject: string) =>
      code(server.app.services.identities.unlink(actor, { moduleId, subject, userId: null }));
    expect(await unlink(module.id, provider.account.sub)).toBe('WRONG_STATE');
    await walk(await linkPath(actor, second), session);
    expect(await linked(actor)).toHaveLength(2);
    expect(await unlink(module.id, 'another')).toBe('NOT_FOUND');
    const both = await Promise.all([
      unlink(module.id, provider.account.sub),
      unlink(second.id, String(github.user.id)),
    ]);
    expect(both.sort()).toEqual(['WRONG_STATE', 'done']);
    expect(await linked(actor)).toHaveLength(1);
  });

  it('of others is seen and unlinked by administrators alone, and its sessions end', async () => {
    const module = await newModule({ kind: 'oidc' });
    const { session, actor } = await signIn(module);
    const { actor: stranger } = await user();
    const of = { moduleId: module.id, subject: provider.account.sub, userId: actor?.userId ?? '' };
    const { identities: service } = server.app.services;
    expect(await code(Promise.resolve().then(() => service.list(stranger, of.userId)))).toBe('FORBIDDEN');
    expect(await code(service.unlink(stranger, of))).toBe('FORBIDDEN');
    expect(await service.list(server.administrator, of.userId)).toHaveLength(1);
    expect(await code(service.unlink(server.administrator, of))).toBe('done');
    expect(await actorOf(session)).toBeNull();
  });
});

describe('GitHub', () => {
  it('says who it is by number, whatever he calls himself later, and which addresses are his', async () => {
    const module = await newModule({ kind: 'github', allowedDomains: ['example.com'] });
    github.emails = [
      { email: 'a@other.example', primary: false, verified: true },
      { email: 'a@example.com', primary: true, verified: false },
    ];
    expect((await signIn(module)).problem).toContain('verified addresses');
    github.emails = [{ email: `g${count}@example.com`, primary: true, verified: true }];
    const first = await signIn(module);
    expect(first.actor?.login).toBe(github.user.login);
    github.user = { ...github.user, login: 'renamed' };
    expect((await signIn(module)).actor?.userId).toBe(first.actor?.userId);
  });

  it('lets in members of the organisations and teams that are named alone, and out who has left', async () => {
    const module = await newModule({ kind: 'github', allowedOrganisations: ['Acme/Core', 'other'] });
    github.organisations = ['acme', ...Array.from({ length: 120 }, (_, index) => `org-${index}`)];
    github.teams = ['acme/docs'];
    expect((await signIn(module)).problem).toContain('lets in members of acme/core, other alone');
    github.teams = ['Acme/core'];
    const { session } = await signIn(module);
    expect(await sweep()).toBe(0);
    expect(await actorOf(session)).not.toBeNull();
    github.teams = [];
    expect(await sweep()).toBe(1);
    expect(await actorOf(session)).toBeNull();
  });

  it('ends sessions of whoever is suspended there', async () => {
    const { session } = await signIn(await newModule({ kind: 'github' }));
    github.isSuspended = true;
    await sweep();
    expect(await actorOf(session)).toBeNull();
  });

  it('takes no code twice, and none without the verifier of this browser', async () => {
    const module = await newModule({ kind: 'github' });
    const started = await get(`${server.url}/auth/github/${module.id}/start`);
    const callback = (await get(started.headers.get('location') ?? '')).headers.get('location') ?? '';
    const again = await get(`${server.url}/auth/github/${module.id}/start`);
    const stolen = new URL(callback);
    stolen.searchParams.set('state', new URL(again.headers.get('location') ?? '').searchParams.get('state') ?? '');
    const response = await get(stolen, cookieOf(again, 'easel_sign_in'));
    expect(decodeURIComponent(response.headers.get('location') ?? '')).toContain('was not good');
  });
});
