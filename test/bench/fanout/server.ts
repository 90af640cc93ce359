/**
 * One server of the benchmark, by its argument: `ours`, `yoga` (graphql-yoga and graphql-ws as their documentation has
 * them), or `ws` (a bare broadcast of the same bytes). All tell the same events of the same schema; on `publish` each event
 * is told to every socket.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { execute, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { type WebSocket, WebSocketServer } from 'ws';
import { createGraphqlSocket } from '../../../server/src/live/graphql-socket.ts';
import type { GetEnveloped } from '../../../server/src/live/operations.ts';
import { routeUpgrades } from '../../../server/src/live/upgrade.ts';

const kind = process.argv[2];
const events = createPubSub<{ changed: [{ version: number }] }>();

const typeDefs = /* GraphQL */ `
  type Query { me: String }
  type Step { name: String! number: Int! state: String! startedAt: String durationMs: Int text: String! }
  type Resources { cpus: Float! memoryBytes: Float! diskUsedBytes: Float! processes: Int! }
  type Environment { id: ID! name: String! version: Int! phase: String! desired: String! connectivity: String! reason: String
    branch: String repositoryUrl: String! createdAt: String! startedAt: String owner: String! viewer: String! steps: [Step!]! resources: Resources }
  type Subscription { environmentChanged(id: ID!): Environment! }
`;
const at = '2026-11-23T18:00:00.000Z';
const steps = ['image', 'volume', 'sources', 'containers', 'hooks', 'ide'].map((name, i) => ({
  name,
  number: i + 1,
  state: 'done',
  startedAt: at,
  durationMs: 1234 * i,
  text: '',
}));
const environment = {
  id: 'env01k9zzzzzzzzzzzzzzzzzzzzzz',
  name: 'web-shop-2',
  phase: 'running',
  desired: 'running',
  connectivity: 'online',
  reason: null,
  branch: 'main',
  repositoryUrl: 'https://git.example.com/shop/web-shop.git',
  createdAt: at,
  startedAt: at,
  owner: 'ann',
  steps,
  resources: { cpus: 0.42, memoryBytes: 812_345_678, diskUsedBytes: 4_123_456_789, processes: 37 },
};
const resolvers = {
  Subscription: {
    environmentChanged: {
      subscribe: () => ({
        // The whole first, as every subscription of ours does it; then the changes.
        [Symbol.asyncIterator]() {
          const changes = events.subscribe('changed')[Symbol.asyncIterator]();
          let isFirst = true;
          return {
            next: () => {
              if (!isFirst) return changes.next();
              isFirst = false;
              return Promise.resolve({ done: false, value: { version: 0 } });
            },
            return: () => changes.return?.() ?? Promise.resolve({ done: true, value: undefined }),
          };
        },
      }),
      resolve: ({ version }: { version: number }, _: unknown, { viewer }: { viewer: string }) => ({
        ...environment,
        version,
        viewer,
      }),
    },
  },
};
const schema = createSchema({ typeDefs, resolvers });
const field = schema.getSubscriptionType()?.getFields().environmentChanged;
if (field) field.extensions = { shared: true };
const yoga = createYoga({ schema, logging: false, maskedErrors: false });
const server = createServer();
let broadcast = (_version: number): void => undefined;

function startOurs(): void {
  const socket = createGraphqlSocket({
    getEnveloped: yoga.getEnveloped as unknown as GetEnveloped,
    authenticate: async ({ token }) => ({
      credentialId: String(token),
      scopeKey: String(token),
      initialContext: { viewer: String(token) },
    }),
    recheck: async (ids) => new Map(ids.map((id) => [id, id])),
    isAllowedOrigin: () => false,
    limits: { socketsOfViewer: 10_000 },
    log: silentLog,
    metrics: createMetrics('bench'),
  });
  routeUpgrades(server, { '/graphql': socket.upgrade });
}

function startYoga(): void {
  const wss = new WebSocketServer({ noServer: true, path: '/graphql' });
  useServer(
    {
      execute: (args) => (args.rootValue as { execute: (args: unknown) => never }).execute(args),
      subscribe: (args) => (args.rootValue as { subscribe: (args: unknown) => never }).subscribe(args),
      onSubscribe: async (ctx, _id, params) => {
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
          viewer: String(ctx.connectionParams?.token),
          req: ctx.extra.request,
          params,
        });
        const args = {
          schema,
          operationName: params.operationName,
          document: parse(params.query),
          variableValues: params.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        };
        const errors = validate(args.schema, args.document);
        return errors.length > 0 ? errors : args;
      },
    },
    wss,
  );
  upgradeBy(wss);
}

/** Each socket gets the bytes of its own document, made once for ever but for the version: a broadcast at its barest. */
function startWs(): void {
  const wss = new WebSocketServer({ noServer: true, path: '/graphql' });
  const groups = new Map<string, { before: string; after: string; sockets: Set<WebSocket> }>();
  wss.on('connection', (socket) => {
    let viewer = '';
    socket.on('message', async (data) => {
      const message = JSON.parse(data.toString());
      if (message.type === 'connection_init') {
        viewer = message.payload.token;
        socket.send('{"type":"connection_ack"}');
        return;
      }
      const { query } = message.payload;
      const key = JSON.stringify([query, viewer]);
      const document = parse(query);
      const payload = await execute({ schema, document, rootValue: { version: 0 }, contextValue: { viewer } });
      const text = JSON.stringify({ id: message.id, type: 'next', payload });
      const [before = '', after = ''] = text.split('"version":0');
      const group = groups.get(key) ?? { before, after, sockets: new Set() };
      groups.set(key, group);
      group.sockets.add(socket);
      socket.send(text);
    });
  });
  broadcast = (version) => {
    for (const { before, after, sockets } of groups.values()) {
      const text = `${before}"version":${version}${after}`;
      for (const socket of sockets) socket.send(text);
    }
  };
  upgradeBy(wss);
}

function upgradeBy(wss: WebSocketServer): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    wss.handleUpgrade(request, socket, head, (webSocket) => wss.emit('connection', webSocket, request));
  });
}

if (kind === 'ours') startOurs();
else if (kind === 'yoga') startYoga();
else startWs();

process.on('message', async ({ type, count, everyMs }: { type: string; count: number; everyMs: number }) => {
  if (type !== 'publish') return;
  for (let version = 1; version <= count; version++) {
    events.publish('changed', { version });
    broadcast(version);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port }));
