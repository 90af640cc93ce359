/**
 * GraphQL over WebSocket, in exactly the words of `graphql-transport-ws`, for browsers, `easel` and schedulers.
 *
 * A client dials `/graphql` (its Origin, if it has one, must be ours), says `connection_init` in time with a token, or with
 * the cookie of its upgrade, and may then run operations. If it dies, its missing pong shows it. If the server stops, it
 * closes with 1001 and clients come again with jitter. If the session or token is revoked, the socket is closed within
 * `recheckMs`; if its rights change it is closed with 1012, and comes again with the new ones.
 *
 * `graphql-ws`'s own server is not used: it serialises every message for every socket.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '@easel/kit/log';
import type { Metrics } from '@easel/kit/metrics';
import { AppError } from '@easel/schema/errors';
import { WebSocketServer } from 'ws';
import { createConnection, type GraphqlConnection } from './graphql-connection.ts';
import { CLOSE, GRAPHQL_PROTOCOL } from './graphql-protocol.ts';
import { createOperations, type GetEnveloped, type Viewer } from './operations.ts';
import { createFlusher } from './outbox.ts';
import { createSharedSubscriptions } from './shared-subscription.ts';
import { refuseUpgrade } from './upgrade.ts';

export interface GraphqlSocketLimits {
  /** Operations at once on one socket. */
  operations: number;
  /** Bytes of one message from a client. */
  messageBytes: number;
  /** Messages a client may send in a burst, and per second after it. */
  messages: { burst: number; perSecond: number };
  /** From the upgrade to `connection_init`, and to its answer. */
  initMs: number;
  /** Bytes a client may leave unread before it misses changes. */
  unreadBytes: number;
  /** How long it may leave them unread before it is cut off. */
  unreadMs: number;
  /** Sockets at once: of the process, of one viewer. */
  sockets: number;
  socketsOfViewer: number;
}

export const defaultLimits: GraphqlSocketLimits = {
  operations: 100,
  messageBytes: 262_144,
  messages: { burst: 300, perSecond: 50 },
  initMs: 10_000,
  unreadBytes: 1_048_576,
  unreadMs: 60_000,
  sockets: 20_000,
  socketsOfViewer: 500,
};

export interface GraphqlSocketOptions {
  getEnveloped: GetEnveloped;
  /** Who this is. Throws an `AppError` (UNAUTHENTICATED, RATE_LIMITED…), with whose close code the socket is closed. */
  authenticate(connectionParams: Record<string, unknown>, request: IncomingMessage): Promise<Viewer>;
  /** Of those credentials, the ones that are still good, each with the scope key that it has now. One query. */
  recheck(credentialIds: readonly string[]): Promise<ReadonlyMap<string, string | null>>;
  /** Asked when the request has an Origin; one without comes from no browser. */
  isAllowedOrigin(origin: string, request: IncomingMessage): boolean;
  limits?: Partial<GraphqlSocketLimits>;
  /** How often credentials are looked at again: revocation is felt within this and one query. */
  recheckMs?: number;
  log: Log;
  metrics: Metrics;
}

export interface GraphqlSocket {
  /** For the HTTP server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all sockets with 1001; nothing new is taken. */
  close(): Promise<void>;
}

const pingEveryMs = 15_000;
const defaultRecheckMs = 1_500;
/** How long a client may take to answer a close. */
const closeLimitMs = 1_000;

export function createGraphqlSocket(options: GraphqlSocketOptions): GraphqlSocket {
  const { log, metrics } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const server = new WebSocketServer({
    noServer: true,
    // Frames are written beneath `ws` (outbox.ts), which must not hold any back to compress them.
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    clientTracking: false,
    handleProtocols: (protocols) => (protocols.has(GRAPHQL_PROTOCOL) ? GRAPHQL_PROTOCOL : false),
  });
  const connections = new Set<GraphqlConnection>();
  const socketsOf = new Map<string, number>();
  const shared = createSharedSubscriptions();
  const flusher = createFlusher();
  const operations = createOperations({
    getEnveloped: options.getEnveloped,
    onBug: (err) => log.error({ err }, 'operation failed'),
  });
  const gauge = metrics.gauge('easel_graphql_sockets', 'Open GraphQL WebSockets');
  const closes = metrics.counter('easel_graphql_socket_closes_total', 'Closed GraphQL WebSockets', ['code']);
  let isClosing = false;

  /** Throws RATE_LIMITED for one socket too many of the same session or token. */
  const authenticate = async (params: Record<string, unknown>, request: IncomingMessage): Promise<Viewer> => {
    const viewer = await options.authenticate(params, request);
    const count = socketsOf.get(viewer.credentialId) ?? 0;
    if (count >= limits.socketsOfViewer) {
      throw new AppError({ code: 'RATE_LIMITED', message: 'too many connections of this session or token' });
    }
    socketsOf.set(viewer.credentialId, count + 1);
    return viewer;
  };
  const forget = (viewer: Viewer) => {
    const count = socketsOf.get(viewer.credentialId) ?? 0;
    if (count > 1) socketsOf.set(viewer.credentialId, count - 1);
    else socketsOf.delete(viewer.credentialId);
  };

  const pings = setInterval(() => {
    for (const connection of connections) connection.ping();
  }, pingEveryMs);

  let isRechecking = false;
  const rechecks = setInterval(() => {
    if (isRechecking || connections.size === 0) return;
    isRechecking = true;
    recheck()
      // The database is away: nothing can be said of anybody, and the next turn asks again.
      .catch((err) => log.warn({ err }, 'credentials not looked at'))
      .finally(() => {
        isRechecking = false;
      });
  }, options.recheckMs ?? defaultRecheckMs);

  async function recheck(): Promise<void> {
    const known = [...connections].filter((connection) => connection.viewer !== undefined);
    const ids = new Set(known.flatMap(({ viewer }) => viewer?.credentialId ?? []));
    if (ids.size === 0) return;
    const good = await options.recheck([...ids]);
    for (const connection of known) {
      const { credentialId = '', scopeKey = null } = connection.viewer ?? {};
      if (!good.has(credentialId)) connection.close(CLOSE.unauthorized, 'the session or token is not good any more');
      else if (good.get(credentialId) !== scopeKey) connection.close(CLOSE.restart, 'rights have changed');
    }
  }

  return {
    upgrade(request, socket, head) {
      const { origin } = request.headers;
      if (origin !== undefined && !options.isAllowedOrigin(origin, request)) {
        return refuseUpgrade(socket, 403, 'this origin may not connect here');
      }
      if (isClosing) return refuseUpgrade(socket, 503, 'stopping');
      if (connections.size >= limits.sockets) return refuseUpgrade(socket, 503, 'too many connections');
      const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
      if (!offered.includes(GRAPHQL_PROTOCOL)) {
        return refuseUpgrade(socket, 400, `the WebSocket sub-protocol must be ${GRAPHQL_PROTOCOL}`);
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = createConnection({
          webSocket,
          socket,
          request,
          limits,
          operations,
          shared,
          flusher,
          log,
          authenticate: (params) => authenticate(params, request),
          forget,
          onClose: (code) => {
            connections.delete(connection);
            gauge.set(connections.size);
            closes.inc({ code });
          },
        });
        connections.add(connection);
        gauge.set(connections.size);
      });
    },

    async close() {
      isClosing = true;
      clearInterval(pings);
      clearInterval(rechecks);
      for (const connection of connections) connection.close(CLOSE.goingAway, 'stopping');
      const untilMs = performance.now() + closeLimitMs;
      while (connections.size > 0 && performance.now() < untilMs)
        await new Promise((resolve) => setTimeout(resolve, 10));
      for (const connection of connections) connection.terminate();
      flusher.close();
      server.close();
    },
  };
}
