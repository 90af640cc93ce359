/** The device flow as a command and a browser see it: forms over HTTP on one side, the API on the other. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { newUserCode } from './user-code.ts';

let server: TestServer;
/** What the server takes for now: nobody waits in this suite. */
let aheadMs = 0;
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_PROXY_HOPS: '1' }, { now: () => Date.now() + aheadMs });
});
afterAll(() => server.close());

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
let addresses = 0;

async function post(path: string, form: Record<string, string>, address = '192.0.2.1') {
  const answer = await fetch(`${server.url}/auth/${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { 'x-forwarded-for': address },
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string>, headers: answer.headers };
}

/** Each from an address of its own, which may begin only so many. */
async function begin(name = 'build-host') {
  const address = `198.51.100.${addresses++}`;
  const { body } = await post('device/code', { client_id: 'easel', device_name: name }, address);
  const { device_code: device = '', user_code: code = '' } = body;
  const poll = async (path = 'device/token') => {
    aheadMs += 10_000;
    return (await post(path, { grant_type: GRANT, device_code: device }, address)).body;
  };
  return { address, body, device, code, poll };
}

const SELECTION = '{ __typename ... on DeviceSignIn { id name } ... on Refusal { code } }';
type User = Awaited<ReturnType<TestServer['newUser']>>;
const answer = async (verb: 'approve' | 'deny', code: string, { headers }: Pick<User, 'headers'>) =>
  (
    await server.ask(
      `mutation ($code: String!) { result: ${verb}DeviceSignIn(code: $code) ${SELECTION} }`,
      { code },
      headers,
    )
  ).data.result;
const show = (code: string, headers: Record<string, string>) =>
  server.ask('query ($code: String!) { deviceSignIn(code: $code) { name address isFromHere } }', { code }, headers);

it('a person sees who asks and approves, and the command gets a token of hers, once', async () => {
  const ada = await server.newUser();
  const { body, code, poll, address } = await begin();
  expect(body).toMatchObject({
    user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
    verification_uri: `${server.url}/device`,
    verification_uri_complete: `${server.url}/device?code=${code}`,
    expires_in: 600,
    interval: 5,
  });
  expect(await poll()).toMatchObject({ error: 'authorization_pending' });
  const { data } = await show(code.toLowerCase().replace('-', ' '), { ...ada.headers, 'x-forwarded-for': address });
  expect(data.deviceSignIn).toEqual({ name: 'build-host', address, isFromHere: true });
  expect(await answer('approve', code, ada)).toMatchObject({ name: 'build-host' });
  const { access_token: token = '', token_type: type } = await poll();
  expect([type, token]).toEqual(['Bearer', expect.stringMatching(/^easel_pat_/)]);
  const me = await server.ask('{ me { login } }', {}, { authorization: `Bearer ${token}` });
  expect(me.data.me.login).toBe(ada.login);
  expect(await poll()).toMatchObject({ error: 'invalid_grant' });

  const listed = await server.app.services.apiTokens.list(ada);
  const made = listed.find(({ name }) => name === 'build-host');
  expect(Math.round(((made?.expiresAt?.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(90);
  await server.app.services.apiTokens.revoke(ada, made?.id ?? '');
  expect((await server.ask('{ me { id } }', {}, { authorization: `Bearer ${token}` })).status).toBe(401);
});

it('leaves entries in the audit log without the codes, and tells the person', async () => {
  const ada = await server.newUser();
  const { code, device, poll, address } = await begin('laptop of ada');
  const { id } = await answer('approve', code, ada);
  const { access_token: token = '' } = await poll();
  const entries = await server.db.auditEntry.findMany({
    where: { thingName: 'laptop of ada' },
    orderBy: { id: 'asc' },
  });
  expect(entries).toMatchObject([
    { action: 'approveDeviceSignIn', actorId: ada.userId, thingId: id, outcome: 'done' },
    { action: 'signInDevice', actorId: ada.userId, address, outcome: 'done' },
  ]);
  const stored = JSON.stringify([
    entries,
    await server.db.deviceSignIn.findMany(),
    await server.db.apiToken.findMany(),
  ]);
  for (const secret of [code, code.replace('-', ''), device, token]) expect(stored).not.toContain(secret);
  const [told] = await server.db.notification.findMany({ where: { userId: ada.userId, kind: 'newCommand' } });
  expect(told?.values).toMatchObject({ device: 'laptop of ada', address });
});

it('whoever denies, or lets ten minutes pass, gives nothing', async () => {
  const ada = await server.newUser();
  const denied = await begin();
  expect(await answer('deny', denied.code, ada)).toMatchObject({ __typename: 'DeviceSignIn' });
  expect(await denied.poll()).toMatchObject({ error: 'access_denied' });
  expect(await answer('approve', denied.code, ada)).toMatchObject({ code: 'NOT_FOUND' });
  const late = await begin();
  aheadMs += 600_000;
  expect(await late.poll()).toMatchObject({ error: 'expired_token' });
  expect(await answer('approve', late.code, ada)).toMatchObject({ code: 'NOT_FOUND' });
  await server.app.services.deviceSignIns.sweep();
  expect(await late.poll()).toMatchObject({ error: 'invalid_grant' });
  const allowed = await begin();
  await answer('approve', allowed.code, ada);
  await server.app.services.userAdmin.setDisabled(server.administrator, ada.userId, true);
  expect(await allowed.poll()).toMatchObject({ error: 'access_denied' });
});

it('whoever asks too often is slowed down, each time more', async () => {
  const { device, address } = await begin();
  const soon = async (afterMs: number) => {
    aheadMs += afterMs;
    return (await post('device/token', { grant_type: GRANT, device_code: device }, address)).body.error;
  };
  expect(await soon(0)).toBe('authorization_pending');
  expect(await soon(1000)).toBe('slow_down');
  expect(await soon(6000)).toBe('slow_down');
  expect(await soon(16_000)).toBe('authorization_pending');
});

it('many polls at once get one token', async () => {
  const ada = await server.newUser();
  const { code, device, address } = await begin();
  await answer('approve', code, ada);
  const form = { grant_type: GRANT, device_code: device };
  const bodies = await Promise.all([...Array(8)].map(async () => (await post('device/token', form, address)).body));
  expect(bodies.filter(({ access_token }) => access_token)).toHaveLength(1);
});

it('guessing is hopeless: ten wrong codes a person, whichever way and however many at once', async () => {
  const eve = await server.newUser();
  const { code, poll } = await begin();
  const from = { ...eve.headers, 'x-forwarded-for': '203.0.113.1' };
  const aliases = [...Array(20)].map((_, i) => `a${i}: deviceSignIn(code: "${newUserCode()}") { id }`).join(' ');
  const { errors } = await server.ask(`{ ${aliases} }`, {}, from);
  expect(errors.filter(({ extensions }) => extensions?.code === 'RATE_LIMITED')).toHaveLength(10);
  expect(await answer('approve', code, { headers: from })).toMatchObject({ code: 'RATE_LIMITED' });
  expect((await show(code, from)).errors[0]?.extensions?.code).toBe('RATE_LIMITED');
  expect(await poll()).toMatchObject({ error: 'authorization_pending' });
});

it('one address tries fifty codes at most, with however many accounts, and begins sixty times', async () => {
  const address = '203.0.113.2';
  let refused = 0;
  for (let account = 0; account < 7; account++) {
    const { headers } = await server.newUser();
    for (let i = 0; i < 9; i++) {
      const { errors } = await show(newUserCode(), { ...headers, 'x-forwarded-for': address });
      refused += errors.length;
    }
  }
  expect(refused).toBe(7 * 9 - 50);
  const begun = await Promise.all([...Array(61)].map(() => post('device/code', {}, address)));
  const last = begun.find(({ status }) => status !== 200);
  expect([last?.status, last?.body.error]).toEqual([429, 'temporarily_unavailable']);
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  for (let i = 0; i < 50; i++) await post('device/token', { grant_type: GRANT, device_code: `guess${i}` }, address);
  expect((await post('device/token', { grant_type: GRANT, device_code: 'guess' }, address)).status).toBe(429);
});

it('is for whoever may make tokens: nobody, and a token with narrow scopes, may not', async () => {
  const ada = await server.newUser();
  const { code, poll } = await begin();
  expect(await answer('approve', code, { headers: {} })).toMatchObject({ code: 'UNAUTHENTICATED' });
  const { token } = await server.app.services.apiTokens.create(ada, { name: 'narrow', scopes: ['environments'] });
  expect(await answer('approve', code, { headers: { authorization: `Bearer ${token}` } })).toMatchObject({
    code: 'FORBIDDEN',
  });
  expect(await poll()).toMatchObject({ error: 'authorization_pending' });
});

it('speaks as RFC 8628 and RFC 8414 say, at the token endpoint too', async () => {
  const ada = await server.newUser();
  const { code, poll } = await begin();
  const found = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
  const metadata = (await found.json()) as Record<string, unknown>;
  expect(metadata.device_authorization_endpoint).toBe(`${server.url}/auth/device/code`);
  expect(metadata.grant_types_supported).toContain(GRANT);
  expect(await poll('token')).toMatchObject({ error: 'authorization_pending' });
  await answer('approve', code, ada);
  expect(await poll('token')).toMatchObject({ token_type: 'Bearer' });
  expect((await post('device/token', { grant_type: 'password' })).body.error).toBe('unsupported_grant_type');
  expect((await post('device/token', { grant_type: GRANT })).body.error).toBe('invalid_request');
  expect((await fetch(`${server.url}/auth/device/code`)).status).toBe(405);
});

it('a name hides and turns round nothing', async () => {
  const ada = await server.newUser();
  const hostile = `\u202ehost\u0000\n<b>${'x'.repeat(300)}`;
  const { code } = await begin(hostile);
  const { data } = await show(code, ada.headers);
  expect(data.deviceSignIn.name).toBe(`host<b>${'x'.repeat(93)}`);
  const nameless = await begin('\u200b');
  expect((await show(nameless.code, ada.headers)).data.deviceSignIn.name).toBe('a machine without a name');
});
