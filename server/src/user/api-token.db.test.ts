/** Tokens: what their scopes leave them, how a secret is rotated, and what the log says of their use. */
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { inTransaction } from '../db.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { checksumOf, newToken } from '../secrets.ts';
import { revokedCredentials } from './revoked-credentials.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_TOKEN_MAX_DAYS: '365' });
});
afterAll(() => server.close());

type User = Awaited<ReturnType<TestServer['newUser']>>;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function scoped(owner: User, ...scopes: string[]) {
  const { token, apiToken } = await server.app.services.apiTokens.create(owner, {
    name: 'scoped',
    scopes: scopes as never,
  });
  return { ...bearer(token), id: apiToken.id, token };
}

async function code(document: string, headers: { authorization: string }, variables = {}): Promise<string> {
  const { data, errors } = await server.ask(document, variables, { authorization: headers.authorization });
  if (errors[0]) return errors[0].extensions?.code ?? errors[0].message;
  const [result] = Object.values(data ?? {}) as { code?: string; __typename?: string }[];
  return result?.code ?? 'done';
}

const REFUSAL = '{ __typename ... on Refusal { code } }';
const CREATE = `mutation ($n: String!) { createEnvironment(input: { name: $n, template: "sample" }) ${REFUSAL} }`;
let count = 0;
const create = (headers: { authorization: string }) => code(CREATE, headers, { n: `scoped-${count++}` });

describe('a token with scopes', () => {
  it('does what they say, and nothing else', async () => {
    const owner = await server.newUser();
    const { id } = await server.app.services.environments.create(owner, { name: 'mine', template: 'sample' });
    const stop = `mutation ($id: ID!) { stopEnvironment(id: $id) ${REFUSAL} }`;
    const ticket = `mutation ($id: ID!) { createTicket(input: { environment: $id, port: 1 }) ${REFUSAL} }`;
    const see = 'query ($id: ID!) { environment(id: $id) { id } }';
    const password = `mutation { setPassword(input: { password: "short" }) ${REFUSAL} }`;
    const key = `mutation { addSshKey(input: { publicKey: "x" }) ${REFUSAL} }`;
    const token = `mutation { createApiToken(input: { name: "wider" }) ${REFUSAL} }`;
    const all = [see, stop, ticket, password, key, token];
    const tried = async (headers: { authorization: string }) => {
      const codes = [await create(headers)];
      for (const document of all) codes.push(await code(document, headers, { id }));
      return codes;
    };
    const refused = 'FORBIDDEN';
    expect(await tried(await scoped(owner, 'read'))).toEqual([
      refused,
      'done',
      'NOT_FOUND',
      'NOT_FOUND',
      ...Array(3).fill(refused),
    ]);
    const enter = await tried(await scoped(owner, 'environment.enter'));
    expect(enter).toEqual([refused, 'done', 'NOT_FOUND', 'ENVIRONMENT_NOT_RUNNING', ...Array(3).fill(refused)]);
    const work = await tried(await scoped(owner, 'environment.use', 'template.view'));
    expect(work).toEqual(['done', 'done', 'done', 'NOT_FOUND', ...Array(3).fill(refused)]);
    const account = await tried(await scoped(owner, 'account'));
    expect(account.slice(4)).toEqual(['INVALID_INPUT', 'INVALID_INPUT', 'done']);
    expect(account[0]).toBe(refused);
  });

  it('never may more than its owner at that moment', async () => {
    const owner = await server.newUser({ role: null, systemRole: 'auditor' });
    const token = await scoped(owner, 'read', 'user.edit', 'environments');
    expect(await code('{ users(first: 1) { edges { node { id } } } }', token)).toBe('done');
    expect(await create(token)).toBe('FORBIDDEN');
    expect(await code(`mutation { createInvitation(input: { name: "a" }) ${REFUSAL} }`, token)).toBe('FORBIDDEN');
    await server.db.user.update({ where: { id: owner.userId }, data: { isAuditor: false } });
    expect(await code('{ users(first: 1) { edges { node { id } } } }', token)).toBe('FORBIDDEN');
  });

  it('makes no token, for whomever, that may do more than itself', async () => {
    const owner = await server.newUser({ systemRole: 'administrator' });
    const token = await scoped(owner, 'user.edit');
    const { userAdmin } = server.app.services;
    const { id } = await userAdmin.createServiceAccount(server.administrator, {
      login: `robot${Date.now() % 1e6}`,
      name: 'r',
    });
    const make = (scopes: string) =>
      code(`mutation ($id: ID!) { createApiToken(input: { name: "a", owner: $id ${scopes} }) ${REFUSAL} }`, token, {
        id,
      });
    expect(await make('')).toBe('FORBIDDEN');
    expect(await make(', scopes: ["read"]')).toBe('FORBIDDEN');
    expect(await make(', scopes: ["user.edit"]')).toBe('done');
  });

  it('that is unknown, or none, is refused by name', async () => {
    const owner = await server.newUser();
    await expect(scoped(owner, 'everything')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(scoped(owner)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('loses its sockets, and its streams into environments, when it is narrowed', async () => {
    const owner = await server.newUser();
    const token = await scoped(owner, 'environments');
    expect(await inTransaction(server.db, (tx) => revokedCredentials(tx, [owner.userId]))).toEqual([]);
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { token: token.token },
    });
    const events = client.iterate({ query: 'subscription { environmentsChanged { kind } }' });
    await events.next();
    const from = Date.now();
    await server.ask(
      'mutation ($id: ID!) { setApiTokenScopes(id: $id, scopes: ["read"]) { __typename } }',
      { id: token.id },
      owner.headers,
    );
    // The socket is looked at, and gets the stream of the rights that it has now, or ends.
    await events.next().catch(() => null);
    expect(Date.now() - from).toBeLessThan(5_000);
    await client.dispose();
    expect(await inTransaction(server.db, (tx) => revokedCredentials(tx, [owner.userId]))).toEqual([token.id]);
    expect(await create(token)).toBe('FORBIDDEN');
  });
});

describe('a rotation', () => {
  it('gives a new secret for the same, and the old one is good for a while', async () => {
    const owner = await server.newUser();
    const old = await scoped(owner, 'environments');
    const document = `mutation ($id: ID!, $hours: Int) { rotateApiToken(id: $id, overlapHours: $hours) {
      ... on CreatedApiToken { token apiToken { id name scopes rotatedFrom expiresAt } } ... on Refusal { code } } }`;
    const { data } = await server.ask(document, { id: old.id, hours: 2 }, owner.headers);
    const { token, apiToken } = data.rotateApiToken;
    expect(apiToken).toMatchObject({ name: 'scoped', scopes: ['environments'], rotatedFrom: old.id });
    expect([await create(bearer(token)), await create(old)]).toEqual(['done', 'done']);
    const listed = await server.app.services.apiTokens.list(owner);
    const ends = listed.find(({ id }) => id === old.id)?.expiresAt?.getTime() ?? 0;
    expect(Math.abs(ends - Date.now() - 2 * 3_600_000)).toBeLessThan(60_000);
    expect((await server.ask(document, { id: old.id, hours: 2 }, owner.headers)).data.rotateApiToken.code).toBe(
      'NOT_FOUND',
    );
    await server.db.apiToken.update({ where: { id: old.id }, data: { expiresAt: new Date() } });
    expect(await code('{ me { id } }', old)).toBe('UNAUTHENTICATED');
    expect(await inTransaction(server.db, (tx) => revokedCredentials(tx, [owner.userId]))).toEqual([old.id]);
    const again = await server.ask(document, { id: apiToken.id, hours: 0 }, owner.headers);
    expect(await code('{ me { id } }', bearer(token))).toBe('UNAUTHENTICATED');
    expect(await code('{ me { id } }', bearer(again.data.rotateApiToken.token))).toBe('done');
  });
});

it('a token lives no longer than the installation allows', async () => {
  const owner = await server.newUser();
  const { apiTokens } = server.app.services;
  const DAY_MS = 86_400_000;
  const { apiToken } = await apiTokens.create(owner, { name: 'a' });
  expect(Math.round(((apiToken.expiresAt?.getTime() ?? 0) - Date.now()) / DAY_MS)).toBe(365);
  const late = new Date(Date.now() + 400 * DAY_MS);
  await expect(apiTokens.create(owner, { name: 'a', expiresAt: late })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  });
});

it('the first use from an address leaves an entry, and the token says when and where it was used last', async () => {
  const owner = await server.newUser();
  const { authentication } = server.app;
  for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.1'])
    await authentication.ofToken(owner.token, address);
  const entries = await vi.waitFor(() =>
    server.db.auditEntry.findMany({ where: { action: 'useApiToken', actorId: owner.userId }, orderBy: { id: 'asc' } }),
  );
  expect(entries).toMatchObject([{ address: '192.0.2.1', outcome: 'done' }, { address: '192.0.2.2' }]);
  for (let i = 0; i < 30; i++) await authentication.ofToken(owner.token, `198.51.100.${i}`);
  const row = await server.db.apiToken.findFirstOrThrow({ where: { userId: owner.userId } });
  expect(row.lastUsedAddress).toBe('198.51.100.29');
  expect(row.knownAddresses).toHaveLength(20);
});

it('a token ends with a checksum, and scanners find it by its shape', () => {
  for (const kind of ['user', 'platform', 'access', 'client'] as const) {
    const token = newToken(kind);
    expect(token).toMatch(/^easel_(pat|platform|at|cs)_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$/);
    expect(checksumOf(token.slice(0, -6))).toBe(token.slice(-6));
  }
});
