import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { AppError } from '@easel/schema/errors';
import { GraphQLInt, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { createYoga } from 'graphql-yoga';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createGraphqlSocket, type GraphqlSocket, type GraphqlSocketOptions } from './graphql-socket.ts';
import type { GetEnveloped } from './operations.ts';
import { liveStream } from './stream.ts';
import { Subscriber } from './subscriber.ts';
import { routeUpgrades } from './upgrade.ts';

type Context = { user: string };

/** A counter that everybody may watch, shared or not, and a few fields that go wrong. */
function makeSchema() {
  let value = 0;
  let executions = 0;
  const readers = new Set<Subscriber<number>>();
  const subscribe = () => {
    const reader: Subscriber<number> = new Subscriber<number>({
      resync: -1,
      maxPending: 100,
      onEnd: () => readers.delete(reader),
    });
    readers.add(reader);
    return liveStream(reader, async () => [{ value }]);
  };
  const CounterType = new GraphQLObjectType<{ value: number }, Context>({
    name: 'Counter',
    fields: {
      value: { type: new GraphQLNonNull(GraphQLInt) },
      viewer: {
        type: GraphQLString,
        resolve: (_, __, context) => {
          executions++;
          return context.user;
        },
      },
      filler: { type: GraphQLString, resolve: () => 'x'.repeat(500_000) },
    },
  });
  const resolve = (event: unknown) => event as { value: number };
  const fields = {
    counter: { type: CounterType, subscribe, resolve, extensions: { shared: true } },
    own: { type: CounterType, subscribe, resolve },
    last: {
      type: CounterType,
      subscribe: async function* () {
        yield { value: 1 };
        yield { value: 2 };
      },
      resolve,
    },
    refused: {
      type: CounterType,
      subscribe: () => {
        throw new AppError({ code: 'FORBIDDEN', message: 'not yours' });
      },
    },
    broken: {
      type: CounterType,
      subscribe: async function* () {
        yield { value: 1 };
        throw new Error('a secret detail');
      },
      resolve,
    },
  };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType<unknown, Context>({
      name: 'Query',
      fields: {
        me: { type: GraphQLString, resolve: (_, __, context) => context.user },
        bug: {
          type: GraphQLString,
          resolve: () => {
            throw new Error('a secret detail');
          },
        },
        list: { type: new GraphQLList(GraphQLInt), args: { n: { type: GraphQLInt } }, resolve: (_, { n }) => [n] },
      },
    }),
    subscription: new GraphQLObjectType<unknown, Context>({ name: 'Subscription', fields }),
  });
  return {
    schema,
    change: () => {
      value++;
      for (const reader of readers) reader.push('value', value);
    },
    executions: () => executions,
    sources: () => readers.size,
  };
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function start(options: Partial<GraphqlSocketOptions> = {}) {
  const api = makeSchema();
  const yoga = createYoga<{ user: string }>({ schema: api.schema, logging: false, maskedErrors: false });
  const good = new Map<string, string | null>();
  const server: Server = createServer();
  const socket: GraphqlSocket = createGraphqlSocket({
    getEnveloped: yoga.getEnveloped as unknown as GetEnveloped,
    async authenticate(params) {
      const token = String(params.token ?? '');
      if (!token.startsWith('ok-')) throw new AppError({ code: 'UNAUTHENTICATED', message: 'sign in first' });
      const user = token.slice(3);
      const scopeKey = user === 'alone' ? null : 'everybody';
      good.set(token, scopeKey);
      return { credentialId: token, scopeKey, initialContext: { user } };
    },
    recheck: async (ids) => new Map([...good].filter(([id]) => ids.includes(id))),
    isAllowedOrigin: (origin) => origin === 'https://easel.test',
    recheckMs: 50,
    log: silentLog,
    metrics: createMetrics('test'),
    ...options,
  });
  routeUpgrades(server, { '/graphql': socket.upgrade });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  open.push(async () => {
    await socket.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url, api, socket, good };
}

/** A socket that says just what it is told to. */
async function dial(url: string, options: { origin?: string; protocol?: string; init?: string | null } = {}) {
  const socket = new WebSocket(url, options.protocol ?? 'graphql-transport-ws', {
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    perMessageDeflate: false,
  });
  open.push(async () => socket.terminate());
  const got: Record<string, unknown>[] = [];
  const wakes = new Set<() => void>();
  socket.on('message', (data) => {
    got.push(JSON.parse(data.toString()));
    for (const wake of wakes) wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('error', reject);
  });
  const say = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  /** The first `count` messages, when they have come. */
  const messages = async (count: number) => {
    while (got.length < count) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          wakes.delete(wake);
          resolve();
        };
        wakes.add(wake);
      });
    }
    return got.slice(0, count);
  };
  if (options.init !== null) {
    say({ type: 'connection_init', payload: { token: options.init ?? 'ok-ann' } });
    if (await Promise.race([messages(1), closed.then(() => null)])) got.shift();
  }
  const subscribe = (id: string, query: string, variables?: Record<string, unknown>) =>
    say({ type: 'subscribe', id, payload: { query, variables } });
  return { socket, say, subscribe, messages, closed, got };
}
const quiet = (ms = 60) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the protocol graphql-transport-ws', () => {
  it('serves queries, subscriptions and their ends to the reference client', async () => {
    const { url, api } = await start();
    const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { token: 'ok-ann' }, lazy: false });
    open.push(async () => void (await client.dispose()));
    const first = await client.iterate({ query: '{ me }' }).next();
    expect(first.value).toEqual({ data: { me: 'ann' } });
    const listed = await client.iterate({ query: 'query L($n: Int) { list(n: $n) }', variables: { n: 7 } }).next();
    expect(listed.value).toEqual({ data: { list: [7] } });
    const changes = client.iterate<{ counter: { value: number } }>({ query: 'subscription { counter { value } }' });
    expect((await changes.next()).value.data).toEqual({ counter: { value: 0 } });
    api.change();
    expect((await changes.next()).value.data).toEqual({ counter: { value: 1 } });
    await changes.return?.();
    await quiet();
    expect(api.sources()).toBe(0);
    const seen: unknown[] = [];
    for await (const result of client.iterate({ query: 'subscription { last { value } }' })) seen.push(result.data);
    expect(seen).toEqual([{ last: { value: 1 } }, { last: { value: 2 } }]);
  });

  it('answers pings with their payload, before and after the initialisation', async () => {
    const { url } = await start();
    const { say, messages } = await dial(url, { init: null });
    say({ type: 'ping' });
    say({ type: 'ping', payload: { a: 1 } });
    say({ type: 'pong' });
    expect(await messages(2)).toEqual([{ type: 'pong' }, { type: 'pong', payload: { a: 1 } }]);
  });

  it.each([
    ['no JSON', 'hello', 4400],
    ['an unknown type', { type: 'start', id: '1' }, 4400],
    ['a subscribe without a query', { type: 'subscribe', id: '1', payload: {} }, 4400],
    ['a subscribe without an id', { type: 'subscribe', payload: { query: '{ me }' } }, 4400],
    ['a prototype for variables', '{"type":"subscribe","id":"1","payload":{"query":"{me}","variables":[]}}', 4400],
    ['a second initialisation', { type: 'connection_init' }, 4429],
  ])('closes at %s with its code', async (_, message, code) => {
    const { url } = await start();
    const { say, closed } = await dial(url);
    say(message);
    expect((await closed).code).toBe(code);
  });

  it('closes at a binary message, and at one that is too large', async () => {
    const { url } = await start({ limits: { messageBytes: 1000 } });
    const binary = await dial(url);
    binary.socket.send(Buffer.from('{}'));
    expect((await binary.closed).code).toBe(4400);
    const large = await dial(url);
    large.subscribe('1', `{ me } # ${'x'.repeat(2000)}`);
    expect((await large.closed).code).toBe(1009);
  });

  it('runs nothing before the initialisation', async () => {
    const { url, api } = await start();
    const { subscribe, closed } = await dial(url, { init: null });
    subscribe('1', 'subscription { counter { viewer } }');
    expect(await closed).toEqual({ code: 4401, reason: 'Unauthorized' });
    expect(api.executions()).toBe(0);
  });

  it('gives up on who does not initialise in time', async () => {
    const { url } = await start({ limits: { initMs: 40 } });
    const { closed } = await dial(url, { init: null });
    expect((await closed).code).toBe(4408);
  });

  it('refuses a second operation of the same id, and takes the id again after its end', async () => {
    const { url } = await start();
    const { subscribe, say, closed, messages } = await dial(url);
    subscribe('1', '{ me }');
    expect(await messages(2)).toEqual([
      { id: '1', type: 'next', payload: { data: { me: 'ann' } } },
      { id: '1', type: 'complete' },
    ]);
    subscribe('1', 'subscription { counter { value } }');
    await messages(3);
    say({ type: 'complete', id: '1' });
    subscribe('1', 'subscription { counter { value } }');
    await messages(4);
    subscribe('1', '{ me }');
    expect(await closed).toEqual({ code: 4409, reason: 'Subscriber for 1 already exists' });
  });

  it('tells refusals, masks bugs, and keeps the socket', async () => {
    const { url } = await start();
    const { subscribe, messages } = await dial(url);
    subscribe('a', '{ nothing }');
    subscribe('b', '{ me');
    subscribe('c', 'subscription { refused { value } }');
    const answers = new Map((await messages(3)).map((message) => [message.id, message]));
    expect(answers.get('a')).toMatchObject({
      type: 'error',
      payload: [{ message: expect.stringContaining('nothing') }],
    });
    expect(answers.get('b')).toMatchObject({ type: 'error' });
    expect(answers.get('c')).toMatchObject({
      type: 'error',
      payload: [{ message: 'not yours', extensions: { code: 'FORBIDDEN' } }],
    });
    subscribe('d', '{ bug }');
    subscribe('e', 'subscription { broken { value } }');
    const rest = JSON.stringify(await messages(7));
    expect(rest).not.toContain('secret');
    expect(rest).toContain('"code":"INTERNAL"');
    subscribe('f', '{ me }');
    expect((await messages(8)).at(-1)).toMatchObject({ id: 'f', payload: { data: { me: 'ann' } } });
  });

  it('quotes hostile operation ids', async () => {
    const { url } = await start();
    const { subscribe, messages } = await dial(url);
    const id = '"},"type":"next\u2028\\';
    subscribe(id, 'subscription { counter { value } }');
    expect(await messages(1)).toEqual([{ id, type: 'next', payload: { data: { counter: { value: 0 } } } }]);
  });
});

describe('the door', () => {
  it('lets in our own origin, and clients that are no browser', async () => {
    const { url } = await start();
    await expect(dial(url, { origin: 'https://easel.test' })).resolves.toBeDefined();
    await expect(dial(url)).resolves.toBeDefined();
    await expect(dial(url, { origin: 'https://evil.test' })).rejects.toThrow('403');
    await expect(dial(url, { origin: 'null' })).rejects.toThrow('403');
    await expect(dial(url, { protocol: 'graphql-ws' })).rejects.toThrow('400');
    await expect(dial(url.replace('/graphql', '/other'))).rejects.toThrow('404');
  });

  it('closes with the code of the refusal', async () => {
    const { url } = await start();
    const { closed } = await dial(url, { init: 'wrong' });
    expect(await closed).toEqual({ code: 4401, reason: 'sign in first' });
  });

  it('ends the sockets of a revoked token at once, and only those', async () => {
    const { url, good } = await start();
    const [ann, bob] = [await dial(url, { init: 'ok-ann' }), await dial(url, { init: 'ok-bob' })];
    good.delete('ok-ann');
    expect((await ann.closed).code).toBe(4401);
    expect(bob.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('asks who has other rights now to come again', async () => {
    const { url, good } = await start();
    const { closed } = await dial(url);
    good.set('ok-ann', 'administrators');
    expect((await closed).code).toBe(1012);
  });

  it('keeps sockets while the database cannot say who is good', async () => {
    const { url } = await start({ recheck: () => Promise.reject(new Error('no database')) });
    const { socket } = await dial(url);
    await quiet(150);
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('limits operations per socket, messages per second, and sockets per token', async () => {
    const { url } = await start({
      limits: { operations: 2, messages: { burst: 20, perSecond: 1 }, socketsOfViewer: 2 },
    });
    const one = await dial(url);
    for (const id of ['1', '2', '3']) one.subscribe(id, 'subscription { own { value } }');
    const answers = await one.messages(3);
    expect(answers.find(({ id }) => id === '3')).toMatchObject({
      payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }],
    });
    const two = await dial(url);
    const three = await dial(url);
    expect((await three.closed).code).toBe(4429);
    for (let i = 0; i < 30; i++) two.say({ type: 'pong' });
    expect((await two.closed).code).toBe(4429);
    // A closed socket counts no more.
    const four = await dial(url);
    await quiet();
    expect(four.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('says that it is going away, and lets nobody in after that', async () => {
    const { url, socket } = await start();
    const { closed } = await dial(url);
    await socket.close();
    expect((await closed).code).toBe(1001);
    await expect(dial(url)).rejects.toThrow('503');
  });
});

describe('sharing', () => {
  const query = 'subscription { counter { value viewer } }';

  it('executes once for viewers of one scope, alone for those of none', async () => {
    const { url, api } = await start();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => dial(url)));
    for (const [i, { subscribe }] of sockets.entries()) subscribe(`op${i}`, query);
    await Promise.all(sockets.map(({ messages }) => messages(1)));
    const alone = await dial(url, { init: 'ok-alone' });
    alone.subscribe('x', query);
    await alone.messages(1);
    const before = api.executions();
    api.change();
    const seen = await Promise.all(sockets.map(({ messages }) => messages(2)));
    seen.forEach((messages, i) => {
      expect(messages[1]).toEqual({
        id: `op${i}`,
        type: 'next',
        payload: { data: { counter: { value: 1, viewer: 'ann' } } },
      });
    });
    expect((await alone.messages(2))[1]).toMatchObject({ payload: { data: { counter: { viewer: 'alone' } } } });
    expect(api.executions() - before).toBe(2);
  });

  it('delivers a burst in order to every socket', async () => {
    const { url, api } = await start();
    const sockets = await Promise.all(Array.from({ length: 5 }, () => dial(url)));
    for (const { subscribe } of sockets) subscribe('s', query);
    await Promise.all(sockets.map(({ messages }) => messages(1)));
    for (let i = 0; i < 40; i++) {
      api.change();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { got } of sockets) {
      await expect.poll(() => valuesOf(got).at(-1)).toBe(40);
      const values = valuesOf(got);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    }
  });

  it('drops changes for a client that does not read, and gives it the whole when it does', {
    timeout: 20_000,
  }, async () => {
    const { url, api } = await start({ limits: { unreadBytes: 200_000 } });
    const slow = await dial(url);
    const quick = await dial(url);
    for (const { subscribe } of [slow, quick]) subscribe('s', 'subscription { counter { value filler } }');
    await Promise.all([slow.messages(1), quick.messages(1)]);
    slow.socket.pause();
    for (let i = 1; i <= 60; i++) {
      api.change();
      await quick.messages(1 + i);
    }
    slow.socket.resume();
    await expect.poll(() => valuesOf(slow.got).at(-1), { timeout: 5000 }).toBe(60);
    const values = valuesOf(slow.got);
    expect(values.length).toBeLessThan(40);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    api.change();
    await expect.poll(() => valuesOf(slow.got).at(-1)).toBe(61);
  });

  it('cuts off a client that never reads again', async () => {
    const { url, api } = await start({ limits: { unreadBytes: 100_000, unreadMs: 100 } });
    const slow = await dial(url);
    slow.subscribe('s', 'subscription { own { value filler } }');
    await slow.messages(1);
    slow.socket.pause();
    for (let i = 0; i < 60; i++) {
      api.change();
      await quiet(5);
    }
    await expect.poll(() => api.sources(), { timeout: 5000 }).toBe(0);
  });
});

function valuesOf(messages: readonly Record<string, unknown>[]): number[] {
  return messages.map(
    (message) => (message as { payload: { data: { counter: { value: number } } } }).payload.data.counter.value,
  );
}
