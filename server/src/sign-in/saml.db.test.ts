import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { type KnownService, type SamlProvider, startSimpleSamlPhp } from '../../../test/kit/simplesamlphp.ts';
import { asUser } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import type { SamlSettings } from './kinds/saml.ts';
import { NS } from './saml-names.ts';
import { allOf, parseXml } from './saml-xml.ts';

const person = (uid: string, more: Record<string, string[]> = {}) => ({
  password: 'x',
  attributes: { uid: [uid], displayName: [`${uid} of the Company`], mail: [`${uid}@example.com`], ...more },
});
const accounts = { ada: person('ada'), bob: person('bob'), carl: person('carl'), admin: person('admin') };
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';

type Form = { action: string; fields: Record<string, string> };

describeWith(['simplesamlphp'], 'signing in at an identity provider', () => {
  let server: TestServer;
  let idp: SamlProvider;
  let moduleId: string;
  let count = 0;

  beforeAll(async () => {
    server = await openServer(suiteDatabase());
    idp = await startSimpleSamlPhp(accounts);
  });
  afterAll(async () => {
    await idp?.stop();
    await server?.close();
  });
  beforeEach(async () => {
    moduleId = await newModule();
  });

  async function newModule(settings: Partial<SamlSettings> = {}, known: Partial<KnownService> = {}): Promise<string> {
    const { id } = await server.app.services.signInModules.create(server.administrator, {
      name: `m${++count}`,
      settings: {
        kind: 'saml',
        provider: { from: 'url', metadataUrl: idp.metadataUrl },
        mayRegister: true,
        ...settings,
      },
    });
    await idp.know({ ...(await serviceOf(id)), ...known });
    return id;
  }

  /** As the provider's administrator reads it out of our metadata. */
  async function serviceOf(id: string): Promise<Required<Pick<KnownService, 'entityId' | 'acsUrl' | 'certificate'>>> {
    const answer = await fetch(`${server.url}/auth/saml/${id}/metadata`);
    const root = parseXml(await answer.text());
    const found = (namespace: string, name: string) =>
      [...allOf(root)].find((one) => one.namespace === namespace && one.name === name);
    return {
      entityId: root.attributes.get('entityID') ?? '',
      acsUrl: found(NS.metadata, 'AssertionConsumerService')?.attributes.get('Location') ?? '',
      certificate: found(NS.signature, 'X509Certificate')?.text ?? '',
    };
  }

  const get = (url: URL | string, cookie = '') => fetch(url, { redirect: 'manual', headers: { cookie } });
  const cookieFrom = (response: Response, name: string) =>
    response.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`)) ?? '';
  const placeOf = (response: Response) => new URL(response.headers.get('location') ?? '', server.url);

  async function begin(next = '/templates', id = moduleId) {
    const response = await get(`${server.url}/auth/saml/${id}/start?next=${encodeURIComponent(next)}`);
    return { to: placeOf(response), cookie: cookieFrom(response, 'easel_saml').split(';')[0] ?? '' };
  }

  /** Posts what the provider's page posts, which is another site's: without cookies. Then goes on with them. */
  async function end({ action, fields }: Form, cookie: string) {
    const posted = await fetch(action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) });
    const isGoingOn = placeOf(posted).pathname.endsWith('/return');
    const last = isGoingOn ? await get(placeOf(posted), cookie) : posted;
    const secret = /easel_session=([^;]+)/.exec(cookieFrom(last, 'easel_session'))?.[1];
    const actor = secret ? await server.app.sessions.authenticate(secret) : null;
    return { path: placeOf(last).pathname, problem: placeOf(last).searchParams.get('problem'), actor };
  }

  async function signIn(name = 'ada') {
    const { to, cookie } = await begin();
    return end(await idp.signIn(to, name, 'x'), cookie);
  }

  const edited = ({ action, fields }: Form, change: (xml: string) => string): Form => {
    const xml = change(Buffer.from(fields.SAMLResponse ?? '', 'base64').toString());
    return { action, fields: { ...fields, SAMLResponse: Buffer.from(xml).toString('base64') } };
  };
  const lastReason = () =>
    (server.lines.findLast(({ message }) => message === 'sign-in at a provider failed')?.err as { message: string })
      ?.message;

  it('makes a user at the first time, and finds the same one again', async () => {
    const first = await signIn();
    expect(first).toMatchObject({ path: '/templates', problem: null, actor: { login: 'ada' } });
    expect((await signIn()).actor?.userId).toBe(first.actor?.userId);
    const entry = await server.db.auditEntry.findFirstOrThrow({
      where: { action: 'signIn', actorId: first.actor?.userId ?? '' },
    });
    expect(entry.outcome).toBe('done');
    expect((await signIn('admin')).actor?.login).toBe('admin-2');
  });

  it('links an account to whoever is signed in, begun by that user alone', async () => {
    await server.db.identity.deleteMany();
    const user = async () => {
      const actor = await server.newUser();
      const { secret } = await server.app.sessions.open(actor.userId, { address: 'a', userAgent: null });
      return { actor, session: `easel_session=${secret}` };
    };
    const [mine, others] = [await user(), await user()];
    const { accountLinks, identities } = server.app.services;
    const subjects = async ({ actor }: typeof mine) =>
      (await identities.list(actor, null)).map(({ moduleId, subject }) => [moduleId, subject !== '']);
    const walk = async (path: string, session: string, back = session) => {
      const started = await get(`${server.url}${path}`, session);
      const to = placeOf(started);
      if (to.origin === new URL(server.url).origin)
        return { path: to.pathname, problem: to.searchParams.get('problem') };
      const state = cookieFrom(started, 'easel_saml').split(';')[0] ?? '';
      return end(await idp.signIn(to, 'bob', 'x'), `${state}; ${back}`);
    };
    const path = await accountLinks.path(mine.actor, moduleId);
    expect((await walk(path, others.session)).problem).toContain('by somebody else');
    expect((await walk(path, mine.session, others.session)).problem).toContain('somebody else is signed in');
    expect(await subjects(mine)).toEqual([]);
    expect(await walk(path, mine.session)).toEqual({ path: '/settings/accounts', problem: null, actor: null });
    expect(await subjects(mine)).toEqual([[moduleId, true]]);
    const taken = await walk(await accountLinks.path(others.actor, moduleId), others.session);
    expect(taken).toMatchObject({ path: '/settings/accounts', problem: expect.stringContaining('another user') });
    expect((await signIn('bob')).actor?.userId).toBe(mine.actor.userId);
  });

  it('opens encrypted assertions', async () => {
    moduleId = await newModule({}, { encryptsAssertion: true });
    expect(await signIn()).toMatchObject({ problem: null, actor: expect.anything() });
  });

  it('signs its requests, and the provider checks that', async () => {
    moduleId = await newModule({}, { checksRequests: true });
    const { to, cookie } = await begin();
    expect((await end(await idp.signIn(to, 'ada', 'x'), cookie)).actor).not.toBeNull();
    const forged = (await begin()).to;
    forged.searchParams.delete('Signature');
    await expect(idp.signIn(forged, 'ada', 'x')).rejects.toThrow('the provider says');
  });

  it('needs both signatures, or the one of the assertion where the module says so', async () => {
    moduleId = await newModule({}, { signsResponse: false });
    expect((await signIn()).problem).toContain('has to sign both the response and the assertion');
    moduleId = await newModule({}, { signsAssertion: false });
    expect((await signIn()).problem).toContain('has to sign the assertion');
    moduleId = await newModule({ wantedSignatures: 'assertion' }, { signsResponse: false });
    expect((await signIn()).actor).not.toBeNull();
  });

  it('ends the session when the provider does, or the module says', async () => {
    const expiry = async () => {
      const { actor } = await signIn('carl');
      const id = asUser(actor ?? server.platform).credential.id;
      const { expiresAt } = await server.db.session.findUniqueOrThrow({ where: { id } });
      return (expiresAt.getTime() - Date.now()) / 3_600_000;
    };
    // The provider gives eight hours.
    expect(Math.round(await expiry())).toBe(8);
    moduleId = await newModule({ sessionHours: 2 });
    expect(Math.round(await expiry())).toBe(2);
  });

  it('refuses a name that is another one each time, and says what to do', async () => {
    moduleId = await newModule({ nameIdFormat: 'unspecified' }, { nameIdFormat: TRANSIENT });
    expect((await signIn()).problem).toContain('an attribute for the subject here');
    const attributes = { subject: 'uid', name: null, login: null, email: null, groups: null };
    moduleId = await newModule({ attributes }, { nameIdFormat: TRANSIENT });
    const first = await signIn();
    expect(first.problem).toBeNull();
    expect((await signIn()).actor?.userId).toBe(first.actor?.userId);
  });

  it('lets nobody register where it is not wished, and nobody in who is disabled', async () => {
    moduleId = await newModule({ mayRegister: false });
    expect((await signIn('bob')).problem).toContain('ask an administrator for an invitation');
    moduleId = await newModule();
    const { actor } = await signIn('bob');
    await server.app.services.userAdmin.setDisabled(server.administrator, actor?.userId ?? '', true);
    expect(await signIn('bob')).toMatchObject({ path: '/sign-in', problem: expect.stringContaining('disabled') });
  });

  it('believes an address only where the administrator trusts the provider with it', async () => {
    moduleId = await newModule({ allowedDomains: ['example.com'] });
    expect((await signIn()).problem).toContain('verified addresses of example.com alone');
    moduleId = await newModule({ allowedDomains: ['example.com'], trustsEmail: true });
    expect((await signIn()).actor).not.toBeNull();
  });

  it('takes an answer once, on whatever replica', async () => {
    const replica = await openServer(suiteDatabase());
    try {
      const { to, cookie } = await begin();
      const form = await idp.signIn(to, 'ada', 'x');
      expect((await end(form, cookie)).actor).not.toBeNull();
      expect((await end(form, cookie)).problem).toContain('was used before');
      const unasked = edited(form, (xml) => xml.replaceAll(/ InResponseTo="[^"]*"/g, ''));
      expect((await end(unasked, cookie)).actor).toBeNull();

      moduleId = await newModule({ mayBeginAtProvider: true });
      const { entityId } = await serviceOf(moduleId);
      const offered = await idp.signIn(
        `${idp.url}/saml2/idp/SSOService.php?spentityid=${encodeURIComponent(entityId)}`,
        'ada',
        'x',
      );
      expect((await end(offered, '')).actor).not.toBeNull();
      expect((await end(offered, '')).problem).toContain('was used before');
      const { host } = new URL(replica.url);
      const elsewhere = { ...offered, action: offered.action.replace(new URL(server.url).host, host) };
      expect((await end(elsewhere, '')).actor).toBeNull();
    } finally {
      await replica.close();
    }
  });

  it('takes an answer that nobody has asked for only where the module says so', async () => {
    const { entityId } = await serviceOf(moduleId);
    const offered = await idp.signIn(
      `${idp.url}/saml2/idp/SSOService.php?spentityid=${encodeURIComponent(entityId)}`,
      'ada',
      'x',
    );
    expect(await end(offered, '')).toMatchObject({ path: '/sign-in', actor: null });
  });

  it('is bound to the browser that has begun, and to the module', async () => {
    const { to, cookie } = await begin();
    const form = await idp.signIn(to, 'bob', 'x');
    expect((await end(form, '')).problem).toContain('begun in another browser');
    // The answer is used up, also for the right browser.
    expect((await end(form, cookie)).actor).toBeNull();
    const again = await idp.signIn((await begin()).to, 'carl', 'x');
    expect((await end(again, (await begin()).cookie)).actor).toBeNull();
    const other = await newModule();
    const third = await begin();
    const moved = await idp.signIn(third.to, 'carl', 'x');
    expect((await end({ ...moved, action: moved.action.replace(moduleId, other) }, third.cookie)).actor).toBeNull();
  });

  it('refuses what was changed on the way, and keeps the reason', async () => {
    const changes: [(xml: string) => string, string, RegExp][] = [
      [(xml) => xml.replace('>ada<', '>admin<'), 'was not signed as it has to be', /signature/i],
      [(xml) => xml.replace(/<ds:Signature.*?<\/ds:Signature>/s, ''), 'was not signed', /signed/],
      [(xml) => `<!DOCTYPE a [<!ENTITY b "c">]>${xml}`, 'was not good', /not XML as we read it/],
      [
        (xml) => xml.replace(/Destination="[^"]*"/, 'Destination="https://evil.example"'),
        'another service',
        /destination/,
      ],
      [() => `<a>${'x'.repeat(300_000)}</a>`, 'was not good', /at most/],
    ];
    for (const [change, sentence, reason] of changes) {
      const { to, cookie } = await begin();
      const said = await end(edited(await idp.signIn(to, 'ada', 'x'), change), cookie);
      expect(said).toMatchObject({ path: '/sign-in', actor: null, problem: expect.stringContaining(sentence) });
      expect(lastReason()).toMatch(reason);
    }
  });

  it('leads nowhere but to this site, and keeps nothing of a large form', async () => {
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example']) {
      const { to, cookie } = await begin(next);
      expect((await end(await idp.signIn(to, 'ada', 'x'), cookie)).path).toBe('/');
    }
    const form = { action: `${server.url}/auth/saml/${moduleId}/acs`, fields: { SAMLResponse: 'x'.repeat(600_000) } };
    expect((await end(form, '')).problem).toContain('a body has at most');
    const unknown = { action: `${server.url}/auth/saml/none/acs`, fields: { SAMLResponse: 'x' } };
    expect((await end(unknown, '')).problem).toContain('no such way of signing in');
  });

  it('is to the provider who it is by its own address, not by what a caller names', async () => {
    const { port } = new URL(server.url);
    const status = await new Promise<number | undefined>((resolve) => {
      const options = { port, path: `/auth/saml/${moduleId}/metadata`, headers: { host: 'evil.example' } };
      httpRequest(options, (response) => resolve(response.resume().statusCode)).end();
    });
    expect(status).toBe(409);
  });

  it('slows down who fails again and again', async () => {
    const form = { action: `${server.url}/auth/saml/${moduleId}/acs`, fields: { SAMLResponse: 'x' } };
    for (let i = 0; i < 60; i++) await end(form, '');
    expect((await end(form, '')).problem).toContain('too many attempts');
  });

  it('keeps our key sealed', async () => {
    const rows = JSON.stringify(await server.db.samlModule.findMany());
    expect(rows).toContain('BEGIN CERTIFICATE');
    expect(rows).not.toContain('PRIVATE KEY');
  });
});

describeWith([], 'the metadata of a provider', () => {
  let server: TestServer;
  let web: Server;
  let url: string;
  let answer: { status: number; body: string };
  let count = 0;

  beforeAll(async () => {
    server = await openServer(suiteDatabase());
    web = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/metadata`;
  });
  afterAll(async () => {
    await server?.close();
    await new Promise((resolve) => web.close(resolve));
  });

  const metadata = (entityId: string) => ({
    status: 200,
    body: `<EntityDescriptor xmlns="${NS.metadata}" entityID="${entityId}"><IDPSSODescriptor protocolSupportEnumeration="${NS.protocol}"><KeyDescriptor><KeyInfo xmlns="${NS.signature}"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/></IDPSSODescriptor></EntityDescriptor>`,
  });
  let certificate = '';

  async function newModule(): Promise<string> {
    const { id } = await server.app.services.signInModules.create(server.administrator, {
      name: `u${++count}`,
      settings: { kind: 'saml', provider: { from: 'url', metadataUrl: url } },
    });
    const key = await server.app.services.samlModules.keyOf(id);
    certificate = key.certificate.replace(/-----[^-]+-----|\s/g, '');
    return id;
  }

  const FIELDS = `id saml { metadataUrl provider { entityId entryPoint fetchedAt problem certificates { subject validUntil } } }`;
  async function shown(id: string) {
    const { data } = await server.ask(`{ signInModules { ${FIELDS} } }`);
    return data.signInModules.find((one: { id: string }) => one.id === id).saml.provider;
  }
  async function read(id: string) {
    const document = `mutation ($id: ID!) { readSamlMetadata(id: $id) { __typename ... on SignInModule { ${FIELDS} } ... on Refusal { code message } } }`;
    return (await server.ask(document, { id })).data.readSamlMetadata;
  }
  /** As an hour later. */
  async function lookAgain(id: string): Promise<void> {
    await server.db.samlModule.update({
      where: { moduleId: id },
      data: { checkedAt: new Date(Date.now() - 3_700_000) },
    });
    await server.app.services.samlModules.refreshDue();
  }

  it('is read from its address, and the last good copy is kept', async () => {
    const id = await newModule();
    answer = metadata('https://idp.example.com/');
    expect(await shown(id)).toMatchObject({
      entityId: 'https://idp.example.com/',
      entryPoint: 'https://idp.example.com/sso',
      problem: null,
      certificates: [{ subject: 'CN=Easel' }],
    });
    for (const [broken, words] of [
      [{ status: 503, body: '' }, 'answers 503'],
      [{ status: 302, body: '' }, 'points elsewhere'],
      [{ status: 200, body: '<html>' }, 'expected the metadata'],
      [{ status: 200, body: 'x'.repeat(1_100_000) }, 'more than'],
      [metadata('https://evil.example/'), 'another provider now'],
    ] as const) {
      answer = broken;
      await lookAgain(id);
      expect(await shown(id)).toMatchObject({
        entityId: 'https://idp.example.com/',
        problem: expect.stringContaining(words),
      });
    }
    expect(await read(id)).toMatchObject({ saml: { provider: { entityId: 'https://evil.example/', problem: null } } });
    answer = metadata('https://evil.example/');
    await lookAgain(id);
    expect((await shown(id)).problem).toBeNull();
  });

  it('that was never good lets nobody begin, and says so', async () => {
    answer = { status: 404, body: '' };
    const id = await newModule();
    expect(await shown(id)).toMatchObject({ entityId: null, problem: expect.stringContaining('answers 404') });
    const response = await fetch(`${server.url}/auth/saml/${id}/start`, { redirect: 'manual' });
    expect(decodeURIComponent(response.headers.get('location') ?? '')).toContain('could not be read');
  });

  it('of ours is of the public address, and the cookie of this very host', async () => {
    answer = metadata('https://idp.example.com/');
    const id = await newModule();
    const secure = await openServer(suiteDatabase(), { EASEL_PUBLIC_URL: 'https://easel.example.com' });
    try {
      const ours = await (await fetch(`${secure.url}/auth/saml/${id}/metadata`)).text();
      expect(ours).toContain(`Location="https://easel.example.com/auth/saml/${id}/acs"`);
      expect(ours).toContain(`entityID="https://easel.example.com/auth/saml/${id}/metadata"`);
      const begun = await fetch(`${secure.url}/auth/saml/${id}/start`, { redirect: 'manual' });
      expect(begun.headers.get('set-cookie')).toMatch(
        /^__Host-easel_saml=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/,
      );
      const to = new URL(begun.headers.get('location') ?? '');
      expect([to.origin, to.pathname]).toEqual(['https://idp.example.com', '/sso']);
      expect([...to.searchParams.keys()]).toEqual(['SAMLRequest', 'RelayState', 'SigAlg', 'Signature']);
      expect(to.searchParams.get('SigAlg')).toMatch(/rsa-sha256$/);
      expect((await fetch(`${secure.url}/auth/saml/${id}/acs`)).status).toBe(405);
    } finally {
      await secure.close();
    }
  });

  it('may be pasted, or its parts typed, and is refused in words when it is none', async () => {
    await newModule();
    const document = `mutation ($input: SignInModuleInput!) { createSignInModule(input: $input) { __typename ... on SignInModule { issuer ${FIELDS} } ... on Refusal { message } } }`;
    const create = async (saml: object) => {
      const input = { kind: 'saml', name: `p${++count}`, saml };
      return (await server.ask(document, { input })).data.createSignInModule;
    };
    const pem = `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----`;
    expect(await create({ metadata: metadata('https://idp.example.com/').body })).toMatchObject({
      issuer: 'https://idp.example.com/',
      saml: { metadataUrl: null, provider: { entryPoint: 'https://idp.example.com/sso', fetchedAt: null } },
    });
    const typed = { entityId: 'e', entryPoint: 'https://idp.example.com/sso', certificates: pem };
    expect(await create(typed)).toMatchObject({ saml: { provider: { entityId: 'e' } } });
    expect((await create({ metadata: '<a/>' })).message).toContain('saml.metadata: expected metadata of one provider');
    expect((await create({ ...typed, certificates: 'x' })).message).toContain('signing certificates');
    expect((await create({ ...typed, entryPoint: 'http://idp.example.com' })).message).toContain('https://');
    expect((await create({ metadataUrl: 'file:///etc/passwd' })).message).toContain('https://');
  });
});
