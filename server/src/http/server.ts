/**
 * The one HTTP server: GraphQL, sign-in, ticket keys, health, and the UI for every other path. Sockets are split off by
 * `routeUpgrades`.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Health } from '@easel/kit/health';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { SSH_AUTHORITIES_PATH } from '@easel/schema/wire/ssh-certificate';
import { TICKET_KEYS_PATH } from '@easel/schema/wire/ticket';
import type { Actor } from '../actor.ts';
import { type Authentication, credentialOf } from '../authentication.ts';
import type { SshAuthorities } from '../ssh-ca/ssh-authorities.ts';
import type { TicketService } from '../ticket/ticket.service.ts';
import type { Admission } from './admission.ts';
import { answerJson, answerRefusal } from './answer.ts';
import { addressOf, settleAddress } from './device.ts';
import { answerGraphqlError, type GraphqlEngine, MAX_BODY_BYTES } from './graphql.ts';
import type { AuthRoutes } from './post-routes.ts';
import type { Renewal } from './renewal.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { HOST_HEADER, PROTOCOL_HEADER, type UiHandler } from './ui.ts';

export interface HttpServerParts {
  admission: Admission;
  auditExport: AuthRoutes;
  scimRoutes: AuthRoutes;
  authentication: Authentication;
  authRoutes: AuthRoutes;
  deviceRoutes: AuthRoutes;
  redirectRoutes: AuthRoutes;
  samlRoutes: AuthRoutes;
  engine: GraphqlEngine;
  health: Health;
  isAllowedOrigin: (origin: string, request: IncomingMessage) => boolean;
  /** Whether browsers reach us by https. */
  isSecure: boolean;
  log: Log;
  /** Proxies of the administrator's own that stand before us. */
  proxyHops: number;
  renewal: Renewal;
  sshAuthorities: SshAuthorities;
  tickets: TicketService;
  tokenRoutes: AuthRoutes;
  ui: UiHandler;
}

/** How long a relay, a jump or a worker may use them; a new key is published an hour before it signs. */
const KEYS_MAX_AGE_SECONDS = 60;

export function createHttpServer(parts: HttpServerParts): Server {
  const { log } = parts;
  const server = createServer((request, response) => {
    const requestId = randomBytes(8).toString('hex');
    response.setHeader('x-request-id', requestId);
    setSecurityHeaders(response, parts.isSecure);
    settleAddress(request, parts.proxyHops);
    delete request.headers[PROTOCOL_HEADER];
    delete request.headers[HOST_HEADER];
    const path = request.url?.split('?', 1)[0] ?? '/';
    if (parts.health.handle(request, response, { metrics: isLoopback(request) })) return;
    if (path === '/graphql') void handleGraphql(parts, request, response, requestId);
    else if (path === TICKET_KEYS_PATH) void answerKeys(() => parts.tickets.keySet(), response, log);
    else if (path === SSH_AUTHORITIES_PATH) {
      void answerKeys(async () => ({ authorities: await parts.sshAuthorities.published() }), response, log);
    } else if ([parts.authRoutes, parts.redirectRoutes, parts.samlRoutes].some((route) => route(request, response)))
      return;
    else if ([parts.auditExport, parts.scimRoutes].some((route) => route(request, response))) return;
    else if ([parts.tokenRoutes, parts.deviceRoutes].some((route) => route(request, response))) return;
    else parts.ui(request, response);
  });
  server.on('upgrade', (request) => settleAddress(request, parts.proxyHops));
  // What a client sends is small; a slow one does not hold a connection for long.
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  return server;
}

async function handleGraphql(
  parts: HttpServerParts,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  try {
    const { origin } = request.headers;
    if (origin !== undefined && !parts.isAllowedOrigin(origin, request)) {
      throw new AppError({ code: 'FORBIDDEN', message: 'this site may not use the API in your name' });
    }
    checkBody(request);
    response.once('close', parts.admission.enter());
    const actor = await admitted(parts, request);
    const renewSession = await parts.renewal(actor, request, response);
    parts.engine.handle(request, response, {
      actor,
      address: addressOf(request) || null,
      requestId,
      ...(renewSession ? { renewSession } : {}),
    });
  } catch (err) {
    answerGraphqlError(response, err, parts.log, requestId);
    // The rest of a body that is not wanted is not read.
    if (!request.complete) request.destroy();
  }
}

/** Who asks. A token that is not good counts as a stranger's request. */
/** Who asks, counted: by his token, and by his address while he has none that is good. */
export async function admitted(
  { admission, authentication }: Pick<HttpServerParts, 'admission' | 'authentication'>,
  request: IncomingMessage,
): Promise<Actor> {
  const address = addressOf(request);
  try {
    const actor = await authentication.ofRequest(request);
    admission.take(actor.kind === 'anonymous' ? null : credentialOf(actor), address);
    return actor;
  } catch (err) {
    if (err instanceof AppError && err.code === 'UNAUTHENTICATED') admission.take(null, address);
    throw err;
  }
}

function checkBody(request: IncomingMessage): void {
  if (request.method !== 'POST') return;
  const length = request.headers['content-length'];
  if (length === undefined) throw new AppError({ code: 'INVALID_INPUT', message: 'expected a Content-Length' });
  if (Number(length) <= MAX_BODY_BYTES) return;
  throw new AppError({
    code: 'LIMIT_EXCEEDED',
    message: `a request has at most ${MAX_BODY_BYTES} bytes, got ${length}`,
  });
}

async function answerKeys(read: () => Promise<object>, response: ServerResponse, log: Log): Promise<void> {
  try {
    const keys = await read();
    response.setHeader('cache-control', `public, max-age=${KEYS_MAX_AGE_SECONDS}`);
    answerJson(response, 200, keys);
  } catch (err) {
    log.warn({ err }, 'public keys not served');
    answerRefusal(response, err);
  }
}

/** Numbers stay inside: a proxy in front of us says so by its header. */
function isLoopback(request: IncomingMessage): boolean {
  const { remoteAddress } = request.socket;
  const isOurs = remoteAddress === '127.0.0.1' || remoteAddress === '::1' || remoteAddress === '::ffff:127.0.0.1';
  return isOurs && request.headers['x-forwarded-for'] === undefined;
}

/** Rejects when the port is taken. Zero takes any free one. */
export function listenHttp(server: Server, options: { host: string; port: number }): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve({ port: (server.address() as AddressInfo).port });
    });
  });
}

/** Takes nothing new, lets requests end, then cuts. Sockets are their own owners' to close. */
export async function closeHttp(server: Server, softMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), softMs);
  await closed;
  clearTimeout(timer);
}

/** The address of a server without a public one: as its own machine reaches it. */
export function urlOf(host: string, port: number): string {
  const isAny = host === '0.0.0.0' || host === '::';
  return `http://${isAny ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
}
