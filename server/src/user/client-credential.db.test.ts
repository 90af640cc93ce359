/** Service accounts as OAuth clients, over HTTP as any OAuth library speaks it. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

let server: TestServer;
let count = 0;
let client: { id: string; login: string };
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
afterAll(() => server.close());
beforeEach(async () => {
  const login = `robot-${count++}`;
  const { userAdmin } = server.app.services;
  client = await userAdmin.createServiceAccount(server.administrator, { login, name: login, role: 'developer' });
});

const secretOf = async (fields: { scopes?: string[]; publicJwk?: object } = {}) =>
  server.app.services.clientCredentials.create(server.administrator, {
    owner: client.id,
    name: 'ci',
    ...fields,
  } as never);

async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}/auth/${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string>, headers: answer.headers };
}

const basic = (secret: string | null, id = client.login) => ({
  authorization: `Basic ${Buffer.from(`${id}:${encodeURIComponent(secret ?? '')}`).toString('base64')}`,
});
const grant = { grant_type: 'client_credentials' };
const who = async (token = '') =>
  (await server.ask('{ me { login } }', {}, { authorization: `Bearer ${token}` })).status;

it('are given a token for an hour, by Basic or by the form, and say what it is for', async () => {
  const { secret } = await secretOf({ scopes: ['read', 'environments'] });
  const first = await post('token', { ...grant, scope: 'read' }, basic(secret));
  expect(first).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 3600, scope: 'read' } });
  expect(first.headers.get('cache-control')).toBe('no-store');
  const second = await post('token', { ...grant, client_id: client.id, client_secret: secret ?? '' });
  expect(second.body).toMatchObject({ scope: 'environments read' });
  expect(await who(first.body.access_token)).toBe(200);
  const create = 'mutation { createEnvironment(input: { name: "x", template: "sample" }) { __typename } }';
  const { data } = await server.ask(create, {}, { authorization: `Bearer ${first.body.access_token}` });
  expect(data.createEnvironment.__typename).toBe('Forbidden');
  expect(await server.app.services.apiTokens.list(server.administrator, client.id)).toEqual([]);
  const [listed] = await server.app.services.clientCredentials.list(server.administrator, client.id);
  expect(listed?.lastUsedAt).not.toBeNull();
  expect(JSON.stringify(await server.db.auditEntry.findMany())).not.toContain(secret);
});

it('are refused as RFC 6749 says', async () => {
  const { secret } = await secretOf({ scopes: ['read'] });
  expect(await post('token', grant, basic('wrong'))).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  expect((await post('token', grant, basic('wrong'))).headers.get('www-authenticate')).toContain('Basic');
  expect((await post('token', grant, basic(secret, 'nobody'))).body.error).toBe('invalid_client');
  expect((await post('token', { grant_type: 'password' }, basic(secret))).body.error).toBe('unsupported_grant_type');
  for (const scope of ['environments', 'no-such']) {
    expect((await post('token', { ...grant, scope }, basic(secret))).body.error).toBe('invalid_scope');
  }
  expect((await post('token', { ...grant, client_secret: 'x' }, basic(secret))).body.error).toBe('invalid_request');
  const person = await server.newUser();
  expect((await post('token', grant, basic(person.token, person.login))).body.error).toBe('invalid_client');
  const wrong = [];
  for (let i = 0; i < 12; i++) wrong.push((await post('token', grant, basic('wrong'))).status);
  expect(wrong.at(-1)).toBe(429);
});

it('have several secrets at once; the tokens of one end with it, and of all with the account', async () => {
  const [one, two] = [await secretOf(), await secretOf()];
  const [first, second] = [
    await post('token', grant, basic(one.secret)),
    await post('token', grant, basic(two.secret)),
  ];
  await server.app.services.clientCredentials.revoke(server.administrator, one.credential.id);
  expect(await who(first.body.access_token)).toBe(401);
  expect((await post('token', grant, basic(one.secret))).status).toBe(401);
  expect(await who(second.body.access_token)).toBe(200);
  await server.app.services.userAdmin.setDisabled(server.administrator, client.id, true);
  expect(await who(second.body.access_token)).toBe(401);
  expect((await post('token', grant, basic(two.secret))).status).toBe(401);
});

it('give a token back, their own alone', async () => {
  const { secret } = await secretOf();
  const { body } = await post('token', grant, basic(secret));
  const stranger = await server.newUser();
  expect((await post('revoke', { token: stranger.token }, basic(secret))).status).toBe(200);
  expect(await who(stranger.token)).toBe(200);
  expect((await post('revoke', { token: body.access_token ?? '' }, basic('wrong'))).status).toBe(401);
  expect(await who(body.access_token)).toBe(200);
  expect((await post('revoke', { token: body.access_token ?? '' }, basic(secret))).status).toBe(200);
  expect(await who(body.access_token)).toBe(401);
});

it('prove themselves with a signed statement, each good once and for us alone', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  await secretOf({ publicJwk: { ...(await exportJWK(publicKey)), alg: 'ES256' } });
  const other = await generateKeyPair('ES256');
  const sign = (key = privateKey, claims: { aud?: string; seconds?: number; iss?: string } = {}) =>
    new SignJWT({ jti: `${count++}` })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(claims.iss ?? client.id)
      .setSubject(client.id)
      .setAudience(claims.aud ?? `${server.url}/auth/token`)
      .setExpirationTime(new Date(Date.now() + (claims.seconds ?? 60) * 1000))
      .sign(key);
  const ask = (assertion: string) =>
    post('token', {
      ...grant,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
  const statement = await sign();
  expect(await who((await ask(statement)).body.access_token)).toBe(200);
  expect((await ask(statement)).body.error).toBe('invalid_client');
  for (const bad of [
    await sign(other.privateKey),
    await sign(privateKey, { aud: 'https://elsewhere.example.com' }),
    await sign(privateKey, { seconds: -60 }),
    await sign(privateKey, { seconds: 86_400 }),
    await sign(privateKey, { iss: 'somebody' }),
    `${statement.split('.').slice(0, 2).join('.')}.`,
  ]) {
    expect((await ask(bad)).body.error).toBe('invalid_client');
  }
  const withPrivate = { ...(await exportJWK(privateKey)), alg: 'ES256' };
  await expect(secretOf({ publicJwk: withPrivate })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('are told what there is', async () => {
  const said = await (await fetch(`${server.url}/.well-known/oauth-authorization-server`)).json();
  expect(said).toMatchObject({ issuer: server.url, token_endpoint: `${server.url}/auth/token` });
});
