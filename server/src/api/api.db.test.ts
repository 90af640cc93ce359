import type { EnvironmentId } from '@easel/schema/ids';
import {
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from 'graphql';
import { type Client, createClient } from 'graphql-ws';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ATTACKS } from '../http/attacks.kit.ts';
import { openServer, READY, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { schema } from './schema.ts';

type User = Awaited<ReturnType<TestServer['newUser']>>;

let server: TestServer;
let owner: User;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  owner = await server.newUser();
});
afterAll(() => server.close());

const ask = (query: string, variables = {}) => server.ask(query, variables, owner.headers);
const REFUSAL = '__typename ... on Refusal { code message details }';

async function running(user: User, name: string): Promise<EnvironmentId> {
  const { id } = await server.app.services.environments.create(user, { name });
  const placement = (await server.claim()).find((placement) => placement.environmentId === id);
  if (!placement) throw new Error('the placement was not handed out');
  await server.hello(placement);
  await server.report(placement, READY);
  return id;
}

/** The least that may stand for an argument of this type. */
function literalOf(type: GraphQLInputType): string {
  if (isNonNullType(type)) return literalOf(type.ofType);
  if (isListType(type)) return '[]';
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField);
    return `{ ${fields.map((field) => `${field.name}: ${literalOf(field.type)}`).join(', ')} }`;
  }
  const literals: Record<string, string> = {
    Boolean: 'true',
    Int: '1',
    Float: '1',
    JSON: '{}',
    DateTime: '"2030-01-01T00:00:00Z"',
  };
  return literals[type.name] ?? '"a"';
}

describe('a result', () => {
  it('is the thing itself, or a refusal with its code', async () => {
    const document = `mutation ($input: CreateEnvironmentInput!) {
      createEnvironment(input: $input) { ... on Environment { id name phase steps { name state } } ${REFUSAL} } }`;
    const made = (await ask(document, { input: { name: 'web' } })).data.createEnvironment;
    expect(made).toMatchObject({ __typename: 'Environment', name: 'web', phase: 'queued' });
    expect(made.steps).toHaveLength(6);
    expect((await ask(document, { input: { name: 'web' } })).data.createEnvironment).toMatchObject({
      __typename: 'NameTaken',
      code: 'NAME_TAKEN',
      details: { name: 'web' },
    });
    const { data } = await ask(document, { input: { name: 'Web!', gitUrl: 'ext::id' } });
    expect(data.createEnvironment).toMatchObject({ __typename: 'InvalidInput', code: 'INVALID_INPUT' });
    const paths = data.createEnvironment.details.fields.map(({ path }: { path: string }) => path);
    expect([...new Set(paths)]).toEqual(['name', 'gitUrl']);
  });

  it('has everything that can be asked of the thing', async () => {
    const id = await running(owner, 'whole');
    const document = `mutation ($id: ID!) { startEnvironment(id: $id) { ... on Environment {
      id access { sshCommand } lastSeenAt git { branch } platform { name } snapshots { id } } } }`;
    const { data, errors } = await ask(document, { id });
    expect(errors).toEqual([]);
    expect(data.startEnvironment).toMatchObject({ id, access: { sshCommand: 'ssh -p 7022 whole@127.0.0.1' } });
  });

  it('of every mutation is a refusal for nobody', async () => {
    const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
    const withUnion = mutations.filter(({ type }) => isUnionType(getNamedType(type)));
    expect(withUnion.length).toBeGreaterThan(12);
    const answers: Record<string, unknown> = {};
    for (const { name, args } of withUnion) {
      const given = args.filter(isRequiredArgument).map((arg) => `${arg.name}: ${literalOf(arg.type)}`);
      const call = given.length > 0 ? `${name}(${given.join(', ')})` : name;
      const { data, errors } = await server.ask(`mutation { ${call} { ${REFUSAL} } }`, {}, {});
      answers[name] = errors[0]?.message ?? data?.[name]?.code;
    }
    expect(answers).toEqual(Object.fromEntries(withUnion.map(({ name }) => [name, 'UNAUTHENTICATED'])));
  });

  it('of what is for platforms is an error for users and for nobody', async () => {
    for (const field of ['platformPlacements', 'platformSnapshots', 'platformEnvironments(ids: ["a"])']) {
      expect((await ask(`{ ${field} }`)).errors[0]?.extensions?.code).toBe('FORBIDDEN');
      expect((await server.ask(`{ ${field} }`, {}, {})).errors[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    }
    for (const mutation of [
      'claimPlacements(limit: 1, leaseSeconds: 1, claimedBy: "a")',
      'renewPlacements(ids: [], leaseSeconds: 1, claimedBy: "a")',
      'reportPlacements(observations: [])',
      'platformHeartbeat(input: { kind: "local" }) { id }',
      'jumpHeartbeat(input: { sshHostKeys: [] })',
      'reportSnapshots(observations: [])',
    ]) {
      expect((await ask(`mutation { ${mutation} }`)).errors[0]?.extensions?.code).toBe('FORBIDDEN');
    }
  });
});

interface Page {
  edges: { node: { name: string } }[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

describe('lists', () => {
  it('go by pages, newest first, filtered by phase and name', async () => {
    for (let i = 0; i < 5; i++) await server.app.services.environments.create(owner, { name: `page-${i}` });
    await server.app.services.environments.stop(owner, 'page-4').catch(() => undefined);
    const document = `query ($after: String, $search: String, $phases: [EnvironmentPhase!]) {
      environments(first: 2, after: $after, search: $search, phases: $phases) {
        edges { node { name } } pageInfo { hasNextPage endCursor } } }`;
    const names: string[] = [];
    let after: string | null = null;
    for (let more = true; more; ) {
      const { edges, pageInfo }: Page = (await ask(document, { after })).data.environments;
      names.push(...edges.map(({ node }) => node.name));
      after = pageInfo.endCursor;
      more = pageInfo.hasNextPage;
    }
    expect(names).toEqual(['page-4', 'page-3', 'page-2', 'page-1', 'page-0']);
    const found = await ask(document, { search: 'GE-3' });
    expect(found.data.environments.edges).toEqual([{ node: { name: 'page-3' } }]);
    expect((await ask(document, { phases: ['running'] })).data.environments.edges).toEqual([]);
    expect((await ask(document, { search: '%' })).data.environments.edges).toEqual([]);
  });

  it('costs a fixed number of statements, however many rows there are', async () => {
    for (let i = 0; i < 6; i++) await server.app.services.environments.create(owner, { name: `row-${i}` });
    const document = `query ($first: Int!) { environments(first: $first) { edges { node {
      id name steps { name state } template { name environmentCount } owner { login } platform { name }
      lastSeenAt git { branch } access { sshCommand } events(first: 3) { edges { node { to } } } } } } }`;
    const counted = async (first: number) => {
      const before = sent;
      const { errors } = await ask(document, { first });
      expect(errors).toEqual([]);
      return sent - before;
    };
    await counted(1);
    expect(await counted(6)).toBeLessThanOrEqual((await counted(1)) + 1);
  });
});

/** Statements that this process has sent. */
let sent = 0;
beforeAll(() => {
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    sent++;
    return (query as (...args: unknown[]) => unknown).apply(this, args);
  } as typeof query;
  return () => {
    pg.Client.prototype.query = query;
  };
});

describe('two tenants', () => {
  it('see nothing of each other by any id, on any field', async () => {
    const other = await server.newUser();
    const environmentId = await running(other, 'secret');
    const key = await server.app.services.sshKeys.add(other, {
      publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDoY+15hVQm1ShYg+KO0wnkLE+KyO1gz2IDa58RmkKqe',
    });
    const [token] = await server.app.services.apiTokens.list(other);
    for (const id of [environmentId, key.id, token?.id, other.userId]) {
      const { data, errors } = await ask(
        `query ($id: ID!) { node(id: $id) { id ... on Environment { name } ... on User { login } } }`,
        { id },
      );
      expect(data?.node ?? null).toBeNull();
      expect(JSON.stringify(errors)).not.toContain('secret');
    }
    expect(
      (await ask('query ($id: ID!) { environment(id: $id) { name } }', { id: environmentId })).data.environment,
    ).toBeNull();
    expect((await ask('{ environment(name: "secret") { id } }')).data.environment).toBeNull();
    expect((await ask('{ environments { edges { node { id } } } sshKeys { id } }')).data).toEqual({
      environments: { edges: [] },
      sshKeys: [],
    });
    const cursor = Buffer.from(`GPC:S:${environmentId}`).toString('base64');
    const page = await ask('query ($after: String) { environments(after: $after) { edges { node { id } } } }', {
      after: cursor,
    });
    expect(page.data?.environments.edges ?? []).toEqual([]);
    const log = await ask('query ($id: ID!) { environmentLog(id: $id) { cursor } }', { id: environmentId });
    expect(log.errors[0]?.extensions?.code).toBe('NOT_FOUND');
    for (const verb of ['startEnvironment', 'stopEnvironment', 'deleteEnvironment']) {
      const { data } = await ask(`mutation ($id: ID!) { ${verb}(id: $id) { ${REFUSAL} } }`, { id: environmentId });
      expect(data[verb].code).toBe('NOT_FOUND');
    }
  });

  it('are told the same of what is another’s and of what is not there', async () => {
    const id = await running(await server.newUser(), 'theirs');
    const document = `mutation ($id: ID!) { stopEnvironment(id: $id) { ${REFUSAL} } }`;
    const [foreign, missing] = [
      (await ask(document, { id })).data,
      (await ask(document, { id: 'env00000000000000000000000000' })).data,
    ];
    expect(foreign).toEqual(missing);
  });
});

describe('what goes wrong', () => {
  it('is counted by its code', async () => {
    const count = async (metric: string, label: string) => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const line = text.split('\n').find((line) => line.startsWith(`${metric}{`) && line.includes(label));
      return Number(line?.split(' ')[1] ?? 0);
    };
    const counts = async () => [
      await count('easel_refusals_total', 'NOT_FOUND'),
      await count('easel_graphql_errors_total', 'FORBIDDEN'),
      await count('easel_graphql_operation_seconds_count', 'mutation'),
    ];
    const before = await counts();
    await ask('mutation { stopEnvironment(id: "a") { __typename } }');
    await ask('{ platformPlacements }');
    expect(await counts()).toEqual(before.map((value) => value + 1));
  });

  it('is masked and logged under the request’s id when it is a bug', async () => {
    const broken = server.app.services.platforms;
    const list = broken.list.bind(broken);
    broken.list = () => Promise.reject(new Error('password=hunter2'));
    const { errors } = await ask('{ platforms { id } }');
    broken.list = list;
    const requestId = errors[0]?.extensions?.requestId;
    expect(errors[0]).toMatchObject({
      message: `internal error (request ${requestId})`,
      extensions: { code: 'INTERNAL' },
    });
    expect(JSON.stringify(errors)).not.toContain('hunter2');
    expect(server.lines.find((line) => line.requestId === requestId)).toMatchObject({ level: 'error' });
  });
});

describe('limits', () => {
  it.each(ATTACKS)('hold over HTTP: $what', async ({ document, reason }) => {
    const { data, errors } = await ask(document());
    expect(data).toBeUndefined();
    expect(errors[0]?.message).toContain(reason);
  });

  it.each(ATTACKS)('hold over sockets: $what', async ({ document, reason }) => {
    const outcome = await once(document());
    expect('data' in outcome).toBe(false);
    expect(JSON.stringify(outcome)).toContain(reason);
  });

  it('are on what an operation may cost', async () => {
    const costly = `{ environments(first: 200) { edges { node {
      events(first: 200) { edges { node { id from to cause actor at } } } } } } }`;
    expect((await ask(costly)).errors[0]?.extensions?.code).toBe('LIMIT_EXCEEDED');
    expect(JSON.stringify(await once(costly))).toContain('LIMIT_EXCEEDED');
  });

  it('are on the size of a page', async () => {
    const document = 'query ($first: Int) { environments(first: $first) { edges { node { id } } } }';
    await Promise.all(Array.from({ length: 3 }, () => server.app.services.environments.create(owner, {})));
    expect((await ask(document, { first: 100_000 })).data.environments.edges).toHaveLength(3);
    expect((await ask(document, { first: -1 })).errors).not.toEqual([]);
    expect((await ask(document, { first: 100 })).errors).toEqual([]);
  });

  it('are on the size of a request', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...owner.headers },
      body: JSON.stringify({ query: '{ me { id } }', variables: { a: 'x'.repeat(600_000) } }),
    }).catch(() => null);
    // The answer may come while the body is still being sent.
    expect([413, undefined]).toContain(response?.status);
  });
});

describe('browsers of other sites', () => {
  const post = (headers: Record<string, string>, body = '{"query":"{ me { id } }"}') =>
    fetch(`${server.url}/graphql`, { method: 'POST', headers: { ...owner.headers, ...headers }, body });

  it('are refused by their origin', async () => {
    const json = { 'content-type': 'application/json' };
    for (const origin of ['https://evil.example.com', 'null', `${server.url}.evil.example.com`, 'http://127.0.0.1:1']) {
      expect((await post({ ...json, origin })).status).toBe(403);
    }
    expect((await post({ ...json, origin: server.url })).status).toBe(200);
    expect((await post(json)).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('cannot send a request that needs no preflight', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a']) {
      expect((await post({ 'content-type': type })).status).toBeGreaterThanOrEqual(400);
    }
    const url = new URL('/graphql', server.url);
    url.searchParams.set('query', '{ me { id } }');
    expect((await fetch(url, { headers: owner.headers })).status).toBe(403);
    url.searchParams.set('query', 'mutation { deleteEnvironment(id: "a") { __typename } }');
    expect((await fetch(url, { headers: { ...owner.headers, 'x-graphql-yoga-csrf': '1' } })).status).toBe(405);
  });

  it('cannot open a socket', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      origin: 'https://evil.example.com',
      headers: owner.headers,
    });
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('open', () => resolve(101));
      socket.on('error', () => undefined);
    });
    socket.terminate();
    expect(status).toBe(403);
  });

  it('cannot send several operations in one request', async () => {
    const body = '[{"query":"{ me { id } }"},{"query":"{ me { id } }"}]';
    expect((await post({ 'content-type': 'application/json' }, body)).status).toBe(400);
  });
});

const clients: Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) void client.dispose();
});

function connect(user: User = owner): Client {
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { token: user.token },
    retryAttempts: 0,
  });
  clients.push(client);
  return client;
}

/** The first result of an operation, or its refusal. */
function once(query: string): Promise<object> {
  return new Promise((resolve) => {
    connect().subscribe(
      { query },
      { next: (value) => resolve(value), error: (err) => resolve({ err }), complete: () => resolve({}) },
    );
  });
}

/** What a subscription brings, one after the other. */
function follow(query: string, variables: Record<string, unknown> = {}, user: User = owner) {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is the document's.
  return connect(user).iterate<any>({ query, variables });
}

describe('a subscription', () => {
  it('to an environment brings it at once, at each change, and ends after `deleted`', async () => {
    const id = await running(owner, 'live');
    const changes = follow('subscription ($id: ID!) { environmentChanged(id: $id) { phase desired version } }', { id });
    const first = (await changes.next()).value;
    expect(first.data.environmentChanged).toMatchObject({ phase: 'running' });
    await server.app.services.environments.delete(owner, id, { force: true });
    const seen: string[] = [];
    const rest = (async () => {
      for await (const { data } of changes) seen.push(data.environmentChanged.phase);
    })();
    await until(() => seen.includes('stopping'));
    const [worker] = await server.db.worker.findMany({ where: { environmentId: id } });
    await server.report({ environmentId: id, workerId: worker?.id, generation: 1 } as never, {
      type: 'worker.stopped',
      isClean: true,
      text: '',
    });
    const erase = (await server.claim()).find((placement) => placement.environmentId === id);
    await server.observe({ type: 'ended', placementId: erase?.id, wish: 'erase' });
    await rest;
    expect(seen.at(-1)).toBe('deleted');
  });

  it('to the list brings the whole, then what changes, and nothing of others', async () => {
    const other = await server.newUser();
    await server.app.services.environments.create(owner, { name: 'before' });
    const document =
      'subscription { environmentsChanged { kind id environment { name phase } environments { name } } }';
    const mine = follow(document);
    const theirs = follow(document, {}, other);
    expect((await mine.next()).value.data.environmentsChanged).toEqual({
      kind: 'list',
      id: null,
      environment: null,
      environments: [{ name: 'before' }],
    });
    expect((await theirs.next()).value.data.environmentsChanged.environments).toEqual([]);
    const { id } = await server.app.services.environments.create(owner, { name: 'after' });
    const change = (await mine.next()).value;
    expect(change.data.environmentsChanged).toMatchObject({
      kind: 'changed',
      id,
      environment: { name: 'after', phase: 'queued' },
    });
    await server.app.services.environments.create(other, { name: 'theirs' });
    expect((await theirs.next()).value.data.environmentsChanged.environment.name).toBe('theirs');
  });

  it('to somebody else’s environment is refused', async () => {
    const id = await running(await server.newUser(), 'theirs');
    for (const [field, selection] of [
      ['environmentChanged', 'id'],
      ['environmentLog', 'cursor'],
    ] as const) {
      const outcome = await once(`subscription { ${field}(id: "${id}") { ${selection} } }`);
      expect(JSON.stringify(outcome)).toContain('NOT_FOUND');
    }
  });

  it('for schedulers is refused to users', async () => {
    expect(JSON.stringify(await once('subscription { placementsChanged }'))).toContain('FORBIDDEN');
  });

  it('needs somebody', async () => {
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    });
    const outcome = await new Promise<{ code?: number }>((resolve) => {
      client.subscribe(
        { query: '{ me { id } }' },
        { next: () => resolve({}), error: (err) => resolve(err as object), complete: () => resolve({}) },
      );
    });
    expect(outcome.code).toBe(4401);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('not in 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
