import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId } from '@easel/schema/ids';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asUser } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { NAMESPACE_ROLES } from '../rights/roles.ts';
import type { OidcSettings } from './kinds/oidc.ts';
import { openProvider, type TestProvider } from './provider.kit.ts';

let server: TestServer;
let provider: TestProvider;
let moduleId: string;
let count = 0;

beforeAll(async () => {
  server = await openServer(suiteDatabase());
  provider = await openProvider();
});
afterAll(async () => {
  await server.close();
  await provider.close();
});
beforeEach(async () => {
  moduleId = await newModule();
  provider.account = { sub: `s${++count}`, name: 'Ada', preferred_username: `ada${count}` };
});

async function newModule(settings: Partial<OidcSettings> = {}, issuer = provider.issuer): Promise<string> {
  const { id } = await server.app.services.signInModules.create(server.administrator, {
    name: `m${++count}`,
    secret: provider.clientSecret,
    settings: { kind: 'oidc', issuer, clientId: provider.clientId, mayRegister: true, ...settings },
  });
  provider.allow(`${server.url}/auth/oidc/${id}/callback`);
  return id;
}

const get = (url: URL | string, cookie = '') => fetch(url, { redirect: 'manual', headers: { cookie } });
const cookieFrom = (response: Response, name: string) =>
  response.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`)) ?? '';

/** The browser's way to the provider. */
async function begin(next = '/templates') {
  const response = await get(`${server.url}/auth/oidc/${moduleId}/start?next=${encodeURIComponent(next)}`);
  const cookie = cookieFrom(response, 'easel_sign_in').split(';')[0] ?? '';
  return { to: new URL(response.headers.get('location') ?? '', server.url), cookie };
}

/** What the browser is told in the end: where it goes, and who it is then. */
async function end(callback: URL | string, cookie: string) {
  const response = await get(callback, cookie);
  const to = new URL(response.headers.get('location') ?? '', server.url);
  const secret = /easel_session=([^;]+)/.exec(cookieFrom(response, 'easel_session'))?.[1];
  const actor = secret ? await server.app.sessions.authenticate(secret) : null;
  return { status: response.status, path: to.pathname, problem: to.searchParams.get('problem'), actor };
}

async function signIn() {
  const { to, cookie } = await begin();
  return end(await provider.consent(to), cookie);
}

describe('signing in at a provider', () => {
  it('makes a user at the first time, and finds the same one again', async () => {
    const first = await signIn();
    expect(first).toMatchObject({ status: 303, path: '/templates', problem: null, actor: { login: `ada${count}` } });
    const { everywhere, inNamespace } = asUser(first.actor ?? server.platform).rights;
    expect([everywhere.size, ...Object.values(inNamespace)]).toEqual([0, new Set(NAMESPACE_ROLES.developer)]);
    provider.account = { ...provider.account, preferred_username: 'renamed', email: 'new@example.com' };
    expect((await signIn()).actor?.userId).toBe(first.actor?.userId);
    const entry = await server.db.auditEntry.findFirstOrThrow({
      where: { action: 'signIn', actorId: first.actor?.userId ?? '' },
    });
    expect(entry.outcome).toBe('done');
  });

  it('gives another login to whom the likeliest is taken from', async () => {
    provider.account = { sub: `x${count}`, preferred_username: 'admin' };
    expect((await signIn()).actor?.login).toBe('admin-2');
  });

  it('lets nobody register where it is not wished', async () => {
    moduleId = await newModule({ mayRegister: false });
    const said = await signIn();
    expect(said).toMatchObject({ path: '/sign-in', actor: null });
    expect(said.problem).toContain('ask an administrator for an invitation');
  });

  it.each([
    ['a verified address of the domain', { email: 'a@example.com', email_verified: true }, true],
    ['an address that is not verified', { email: 'a@example.com', email_verified: false }, false],
    ['a word for verified', { email: 'a@example.com', email_verified: 'true' }, false],
    ['no word of it', { email: 'a@example.com' }, false],
    ['a domain that ends alike', { email: 'a@evil-example.com', email_verified: true }, false],
    ['a domain below', { email: 'a@example.com.evil.org', email_verified: true }, false],
    ['two @', { email: 'a@evil.org@example.com', email_verified: true }, false],
  ])('by allowed domains: %s', async (_name, claims, isIn) => {
    moduleId = await newModule({ allowedDomains: ['example.com'] });
    provider.account = { ...provider.account, ...claims };
    expect((await signIn()).actor !== null).toBe(isIn);
  });

  it('takes an address for a user only where the provider is trusted with it', async () => {
    const user = await server.newUser();
    const email = `u${count}@example.com`;
    const confirmed = { email, emailVerifiedAt: new Date() };
    await server.db.user.update({ where: { id: user.userId }, data: confirmed });
    provider.account = { ...provider.account, email, email_verified: true };
    expect((await signIn()).actor?.userId).not.toBe(user.userId);
    moduleId = await newModule({ trustsEmail: true });
    provider.account = { ...provider.account, sub: `t${count}`, email_verified: 'yes' };
    expect((await signIn()).actor?.userId).not.toBe(user.userId);
    provider.account = { ...provider.account, sub: `v${count}`, email: `u${count}@EXAMPLE.com`, email_verified: true };
    const others = await server.db.user.updateMany({
      where: { email, id: { not: user.userId } },
      data: { email: null },
    });
    expect(others.count).toBeGreaterThan(0);
    provider.account.email = email.toUpperCase().replace('U', 'u');
    expect((await signIn()).actor?.userId).toBe(user.userId);
    // Anybody can write anybody's address into his own settings.
    await server.db.user.update({ where: { id: user.userId }, data: { emailVerifiedAt: null } });
    provider.account = { ...provider.account, sub: `w${count}` };
    expect((await signIn()).actor?.userId).not.toBe(user.userId);
  });

  it('makes the groups of the module what the provider says, and leaves them alone when it says nothing', async () => {
    const group = await server.db.group.create({
      data: { id: newId('group'), name: moduleId, moduleId, externalName: 'dev' },
    });
    const members = () => server.db.groupMember.count({ where: { groupId: group.id } });
    for (const [groups, expected] of [
      [['Dev', 'other'], 1],
      [undefined, 1],
      [[], 0],
    ] as const) {
      provider.account = { ...provider.account, groups };
      expect((await signIn()).actor).not.toBeNull();
      expect(await members()).toBe(expected);
    }
  });

  it('is refused to a user who is disabled', async () => {
    const { actor } = await signIn();
    await server.app.services.userAdmin.setDisabled(server.administrator, actor?.userId ?? '', true);
    expect(await signIn()).toMatchObject({
      path: '/sign-in',
      actor: null,
      problem: expect.stringContaining('disabled'),
    });
  });
});

describe('an answer', () => {
  it('counts once, and in the browser alone that asked', async () => {
    const { to, cookie } = await begin();
    const callback = await provider.consent(to);
    expect((await end(callback, '')).actor).toBeNull();
    expect((await end(callback, 'easel_sign_in=another')).actor).toBeNull();
    expect((await end(callback, cookie)).actor).not.toBeNull();
    expect((await end(callback, cookie)).actor).toBeNull();
  });

  it('of one module does not count for another', async () => {
    const { to, cookie } = await begin();
    const callback = await provider.consent(to);
    const other = await newModule();
    callback.pathname = `/auth/oidc/${other}/callback`;
    expect((await end(callback, cookie)).actor).toBeNull();
  });

  it('with another code, issuer or state is refused', async () => {
    for (const [name, value] of [
      ['code', 'another'],
      ['iss', 'https://evil.example'],
      ['state', 'another'],
    ] as const) {
      const { to, cookie } = await begin();
      const callback = await provider.consent(to);
      callback.searchParams.set(name, value);
      expect({ name, actor: (await end(callback, cookie)).actor }).toEqual({ name, actor: null });
    }
  });

  it('says when the provider has refused', async () => {
    const { to, cookie } = await begin();
    const state = to.searchParams.get('state') ?? '';
    const callback = `${server.url}/auth/oidc/${moduleId}/callback?error=access_denied&state=${state}&iss=${encodeURIComponent(provider.issuer)}`;
    expect((await end(callback, cookie)).problem).toContain('did not let you in');
  });

  it('leads nowhere but to this site', async () => {
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example']) {
      const { to, cookie } = await begin(next);
      expect((await end(await provider.consent(to), cookie)).path).toBe('/');
    }
  });
});

describe('an ID token', () => {
  let evil: Server;
  let issuer: string;
  let token: (claims: Record<string, unknown>) => Promise<string>;
  let nonce = '';
  beforeAll(async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' };
    evil = createServer(async (request, response) => {
      const body = request.url?.startsWith('/.well-known')
        ? {
            issuer,
            authorization_endpoint: `${issuer}/authorize`,
            token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/jwks`,
            response_types_supported: ['code'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: ['RS256'],
          }
        : request.url === '/jwks'
          ? { keys: [jwk] }
          : { access_token: 'a', token_type: 'bearer', expires_in: 60, id_token: await token({ nonce }) };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    sign = (claims, key = privateKey) =>
      new SignJWT({ sub: 'eve', ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key);
  });
  afterAll(() => new Promise((resolve) => evil.close(resolve)));
  let sign: (claims: Record<string, unknown>, key?: Parameters<SignJWT['sign']>[0]) => Promise<string>;

  const now = () => Math.floor(Date.now() / 1000);
  const good = (claims: Record<string, unknown>) => ({
    iss: issuer,
    aud: provider.clientId,
    iat: now(),
    exp: now() + 60,
    ...claims,
  });

  async function signInWith(make: typeof token) {
    token = make;
    moduleId = await newModule({}, issuer);
    const { to, cookie } = await begin();
    nonce = to.searchParams.get('nonce') ?? '';
    return end(`${server.url}/auth/oidc/${moduleId}/callback?code=c&state=${to.searchParams.get('state')}`, cookie);
  }

  it('that is good signs in', async () => {
    expect((await signInWith((claims) => sign(good(claims)))).actor).not.toBeNull();
  });

  it.each([
    ['of another issuer', (claims: object) => sign({ ...good({ ...claims }), iss: 'https://evil.example' })],
    ['for another client', (claims: object) => sign({ ...good({ ...claims }), aud: 'another' })],
    ['with another nonce', () => sign(good({ nonce: 'another' }))],
    ['without a nonce', () => sign(good({}))],
    ['that has expired', (claims: object) => sign({ ...good({ ...claims }), exp: now() - 3600 })],
    ['without a subject', (claims: object) => sign({ ...good({ ...claims }), sub: undefined })],
    ['signed by nobody', async (claims: object) => new UnsecuredJWT({ sub: 'eve', ...good({ ...claims }) }).encode()],
    [
      'signed by another key',
      async (claims: object) => sign(good({ ...claims }), (await generateKeyPair('RS256')).privateKey),
    ],
  ])('%s does not', async (_name, make) => {
    const said = await signInWith(make as typeof token);
    expect(said).toMatchObject({ path: '/sign-in', actor: null });
    expect(said.problem).toContain('was not good');
  });
});

describe('a module', () => {
  const signInModules = () => server.app.services.signInModules;
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (err) => err.code,
    );

  it('never tells its secret, and is sealed in the database', async () => {
    const { data } = await server.ask('{ signInModules { id name issuer clientId callbackPath } }');
    expect(JSON.stringify(data)).not.toContain(provider.clientSecret);
    expect(JSON.stringify(await server.db.signInModule.findMany())).not.toContain(provider.clientSecret);
  });

  it('gives its secret to no other issuer or client', async () => {
    const settings = { kind: 'oidc' as const, issuer: provider.issuer, clientId: provider.clientId, mayRegister: true };
    const change = (more: object) =>
      code(
        signInModules().update(server.administrator, moduleId, {
          name: `c${++count}`,
          settings: { ...settings, ...more },
        }),
      );
    expect(await change({})).toBe('done');
    expect(await change({ issuer: 'https://evil.example' })).toBe('INVALID_INPUT');
    expect(await change({ clientId: 'another' })).toBe('INVALID_INPUT');
    expect((await signIn()).actor).not.toBeNull();
  });

  it('stays of its kind', async () => {
    const provider = { from: 'url' as const, metadataUrl: 'https://id.example.com/metadata' };
    const settings = { kind: 'saml' as const, provider };
    expect(await code(signInModules().update(server.administrator, moduleId, { name: 'other', settings }))).toBe(
      'INVALID_INPUT',
    );
  });

  it('is moved to its place, though several are moved at once', async () => {
    const ids = async () => (await signInModules().list(server.administrator)).map(({ id }) => id);
    const [first, second] = [await newModule(), await newModule()];
    const before = (await ids()).filter((id) => id !== first && id !== second);
    await Promise.all([
      signInModules().move(server.administrator, first, 0),
      signInModules().move(server.administrator, second, 0),
    ]);
    expect((await ids()).slice(0, 2).sort()).toEqual([first, second].sort());
    expect((await ids()).slice(2)).toEqual(before);
    await signInModules().move(server.administrator, first, 1_000_000);
    expect((await ids()).at(-1)).toBe(first);
  });

  it.each([
    'http://id.example.com',
    'file:///etc/passwd',
    'https://user:password@id.example.com',
    'http://127.0.0.1.evil.example',
    'javascript:alert(1)',
    'id.example.com',
  ])('is refused with the issuer %s', async (issuer) => {
    const settings = { kind: 'oidc' as const, issuer, clientId: 'a' };
    const create = signInModules().create(server.administrator, { name: 'x', secret: 's', settings });
    expect(await code(create)).toBe('INVALID_INPUT');
  });

  it('that is off, or whose provider is away, says so', async () => {
    moduleId = await newModule({}, 'http://127.0.0.1:9');
    const away = await get(`${server.url}/auth/oidc/${moduleId}/start`);
    expect(decodeURIComponent(away.headers.get('location') ?? '')).toContain('does not answer as an OpenID provider');
    const settings = { kind: 'oidc' as const, issuer: 'http://127.0.0.1:9', clientId: provider.clientId };
    await signInModules().update(server.administrator, moduleId, { name: `o${++count}`, isEnabled: false, settings });
    const off = await get(`${server.url}/auth/oidc/${moduleId}/start`);
    expect(decodeURIComponent(off.headers.get('location') ?? '')).toContain('no such way of signing in');
    const offered = await (await get(`${server.url}/auth/modules`)).json();
    expect(offered.map(({ id }: { id: string }) => id)).not.toContain(moduleId);
  });
});
