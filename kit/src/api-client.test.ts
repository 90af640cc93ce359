import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { GraphQLError, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { afterEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { ApiError, createApiClient, type SubscribeOptions } from './api-client.ts';
import { fakeClock } from './fake-clock.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

type Answer = (req: IncomingMessage, res: ServerResponse, body: { query: string; variables: unknown }) => void;

/** An API on loopback: `answer` serves HTTP, `changes` feeds the subscription `changed`. */
async function listen(answer: Answer = (_req, res) => void res.end('{"data":{}}')) {
  const push: (text: string) => void = () => undefined;
  const feed = { tokens: [] as unknown[], afters: [] as unknown[], subscribed: 0, push, refuse: false };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { now: { type: GraphQLString } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        changed: {
          type: GraphQLString,
          args: { after: { type: GraphQLString } },
          resolve: (value) => value,
          subscribe: async function* (_root, { after }) {
            feed.afters.push(after);
            if (feed.refuse) throw new GraphQLError('not yours', { extensions: { code: 'FORBIDDEN' } });
            feed.subscribed++;
            while (true) {
              yield await new Promise<string>((resolve) => {
                feed.push = resolve;
              });
            }
          },
        },
      },
    }),
  });
  const server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk) => {
      text += chunk;
    });
    req.on('end', () => answer(req, res, JSON.parse(text)));
  });
  const wss = new WebSocketServer({ server, path: '/graphql' });
  useServer({ schema, onConnect: (ctx) => void feed.tokens.push(ctx.connectionParams?.token) }, wss);
  const raw = new Set<Socket>();
  server.on('connection', (socket) => raw.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of raw) socket.destroy();
  };
  closers.push(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, feed, cut, wss };
}

function clientOf(url: string) {
  const clock = fakeClock();
  const client = createApiClient({ url, token: () => 'tok_1', clock });
  closers.push(() => client.close());
  return { client, clock };
}

async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const err = await promise.then(
    () => undefined,
    (err: unknown) => err,
  );
  expect(err).toBeInstanceOf(ApiError);
  return err as ApiError;
}

it('sends document, variables and token, and gives the data', async () => {
  let seen: unknown;
  const { url } = await listen((req, res, body) => {
    seen = { ...body, url: req.url, authorization: req.headers.authorization };
    res.end('{"data":{"me":{"name":"Ada"}}}');
  });
  const { client } = clientOf(`${url}/`);
  expect(await client.query('query { me { name } }', { a: 1 })).toEqual({ me: { name: 'Ada' } });
  expect(seen).toEqual({
    query: 'query { me { name } }',
    variables: { a: 1 },
    url: '/graphql',
    authorization: 'Bearer tok_1',
  });
});

it('gives the code, the details and whether to try again of a GraphQL error', async () => {
  const { url } = await listen((_req, res) => {
    const extensions = { code: 'STORE_UNAVAILABLE', details: { waitMs: 5 } };
    res.end(JSON.stringify({ errors: [{ message: 'the database is away', extensions }] }));
  });
  const err = await failureOf(clientOf(url).client.query('{ me }'));
  expect(err).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: 'the database is away',
    status: 200,
    retryable: true,
  });
  expect(err.details).toEqual({ waitMs: 5 });
});

it('takes a code that it does not know as INTERNAL and keeps it', async () => {
  const { url } = await listen((_req, res) => {
    res.end(JSON.stringify({ errors: [{ message: 'hm', extensions: { code: 'NEW_CODE' } }] }));
  });
  const err = await failureOf(clientOf(url).client.query('{ me }'));
  expect(err).toMatchObject({ code: 'INTERNAL', details: { serverCode: 'NEW_CODE' }, retryable: false });
});

it.each([
  [401, 'UNAUTHENTICATED', false],
  [429, 'RATE_LIMITED', true],
  [503, 'OVERLOADED', true],
])('reads HTTP %i without GraphQL as %s', async (status, code, retryable) => {
  const { url } = await listen((_req, res) => void res.writeHead(status, { 'retry-after': '3' }).end('<html>'));
  const err = await failureOf(clientOf(url).client.query('{ me }'));
  expect(err).toMatchObject({ code, status, retryable, details: { retryAfterMs: 3_000 } });
});

it('tells when the API cannot be reached', async () => {
  const { url } = await listen();
  closers.splice(0)[0]?.();
  const err = await failureOf(clientOf(url).client.query('{ me }'));
  expect(err).toMatchObject({ code: 'API_UNREACHABLE', status: 0, retryable: true });
  expect(err.message).toContain('ECONNREFUSED');
});

it('gives up at its time limit, and at once when the caller aborts', async () => {
  const { url } = await listen(() => undefined);
  const { client, clock } = clientOf(url);
  const late = failureOf(client.query('{ me }', {}, { timeoutMs: 1_000 }));
  await clock.advance(1_000);
  expect(await late).toMatchObject({ code: 'TIMED_OUT', retryable: true });
  const controller = new AbortController();
  const given = client.query('{ me }', {}, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  expect(clock.pending).toBe(0);
});

function subscribed(url: string, options: Partial<SubscribeOptions<{ changed: string }>> = {}) {
  const { client, clock } = clientOf(url);
  const seen = { connected: 0, next: [] as string[], errors: [] as ApiError[] };
  const subscription = client.subscribe<{ changed: string }>('subscription { changed }', undefined, {
    onConnected: () => void seen.connected++,
    onNext: (data) => void seen.next.push(data.changed),
    onError: (err) => void seen.errors.push(err),
    ...options,
  });
  const until = async (condition: () => boolean) => {
    const deadline = Date.now() + 5_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error('not in 5 s');
      await clock.advance(10);
    }
  };
  return { client, clock, seen, subscription, until };
}

it('subscribes with the token and gives what comes', async () => {
  const { url, feed } = await listen();
  const { seen, until } = subscribed(url);
  await until(() => feed.subscribed === 1 && seen.connected === 1);
  feed.push('one');
  await until(() => seen.next.length === 1);
  expect(seen.next).toEqual(['one']);
  expect(feed.tokens).toEqual(['tok_1']);
});

it('subscribes again after the line was cut, and asks the caller to list again', async () => {
  const { url, feed, cut } = await listen();
  const { seen, until } = subscribed(url);
  await until(() => feed.subscribed === 1 && seen.connected === 1);
  cut();
  await until(() => feed.subscribed === 2 && seen.connected === 2);
  expect(seen.errors[0]).toMatchObject({ retryable: true });
  feed.push('two');
  await until(() => seen.next.length === 1);
});

it('asks for variables given as a function at each subscription', async () => {
  const { url, feed, cut } = await listen();
  const { client, until } = subscribed(url);
  let asked = 0;
  client.subscribe('subscription ($after: String) { changed(after: $after) }', () => ({ after: `line ${++asked}` }), {
    onNext: () => undefined,
  });
  await until(() => feed.afters.includes('line 1'));
  cut();
  await until(() => feed.afters.includes('line 2'));
});

it('tells a refusal and asks again later', async () => {
  const { url, feed } = await listen();
  feed.refuse = true;
  const { seen, until } = subscribed(url);
  await until(() => seen.errors.length === 1);
  expect(seen.errors[0]).toMatchObject({ code: 'FORBIDDEN', retryable: false });
  feed.refuse = false;
  await until(() => feed.subscribed === 1);
});

it('goes on after a server that closed with a code of ours', async () => {
  const { url, feed, wss } = await listen();
  const { seen, until } = subscribed(url);
  await until(() => feed.subscribed === 1);
  for (const socket of wss.clients) socket.close(4401, 'token expired');
  await until(() => feed.subscribed === 2);
  expect(seen.errors[0]).toMatchObject({ code: 'UNAUTHENTICATED', message: 'token expired' });
});

it('does not storm a server that closes cleanly', async () => {
  const { url, wss } = await listen();
  let connections = 0;
  wss.on('connection', (socket) => {
    connections++;
    setImmediate(() => socket.close(1000));
  });
  const { clock, until } = subscribed(url);
  await until(() => connections === 1);
  for (let turn = 0; turn < 50; turn++) await clock.advance(0);
  expect(connections).toBe(1);
  await until(() => connections === 2);
});

it('tells a second subscription on an open line that it is connected', async () => {
  const { url, feed } = await listen();
  const first = subscribed(url);
  await first.until(() => first.seen.connected === 1);
  let connected = 0;
  first.client.subscribe(
    'subscription { changed }',
    {},
    { onNext: () => undefined, onConnected: () => void connected++ },
  );
  await first.until(() => feed.subscribed === 2 && connected === 1);
  expect(connected).toBe(1);
  expect(feed.tokens).toHaveLength(1);
});

it('closes the line after the last subscription', async () => {
  const { url, feed, wss } = await listen();
  const { subscription, until, seen, clock } = subscribed(url);
  await until(() => feed.subscribed === 1);
  subscription.close();
  subscription.close();
  await until(() => wss.clients.size === 0);
  expect(seen.errors).toEqual([]);
  expect(clock.pending).toBe(0);
});
