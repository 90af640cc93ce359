/** The relay's one port: who knocks, with what ticket, at which door. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { clientAddress } from '@easel/kit/client-address';
import type { Clock } from '@easel/kit/clock';
import type { Health } from '@easel/kit/health';
import type { Log } from '@easel/kit/log';
import type { Metrics } from '@easel/kit/metrics';
import { sourceOf, Throttle } from '@easel/kit/throttle';
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { RELAY_PATHS } from '@easel/schema/wire/relay';
import { WebSocketServer } from 'ws';
import type { Config } from './config.ts';
import { createRelayMetrics, type RelayMetrics } from './metrics.ts';
import { Streams } from './streams.ts';
import type { Tickets } from './tickets.ts';
import { bearerOf, checkHandshake, Upgrade } from './upgrade.ts';
import { Workers } from './workers.ts';

/** A ticket has at most 4 KiB, and proxies add some headers. */
const maxHeaderBytes = 16_384;
/** From the connection to the whole request. */
const requestLimitMs = 10_000;
/** Replies on a control socket are short. */
const maxReplyBytes = 16_384;
/** What both sides of a stream get to answer the close at a stop. */
const farewellMs = 1_000;

export interface RelayOptions {
  config: Config;
  tickets: Tickets;
  health: Health;
  metrics: Metrics;
  clock: Clock;
  log: Log;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #metrics: RelayMetrics;
  readonly #server: Server;
  readonly #control: WebSocketServer;
  readonly #dials: Throttle;
  readonly #workers: Workers;
  readonly #streams: Streams;
  #seconds = 0;
  #isClosing = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { config, clock, log } = options;
    const { limits } = config;
    this.#metrics = createRelayMetrics(options.metrics);
    const perSecond = limits.dialsPerSourcePerSecond;
    this.#dials = new Throttle({ perSecond, burst: perSecond * 10, clock });
    this.#workers = new Workers({
      clock,
      log,
      onReply: (worker, reply) => this.#streams.onReply(worker, reply),
      onGone: (worker) => this.#streams.onWorkerGone(worker),
    });
    this.#streams = new Streams({ workers: this.#workers, limits, metrics: this.#metrics, clock, log });
    this.#control = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: maxReplyBytes });
    this.#server = createServer(
      {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: requestLimitMs,
        requestTimeout: requestLimitMs,
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: 5_000,
      },
      (req, res) => this.#onRequest(req, res),
    );
    this.#server.maxConnections = limits.connections;
    this.#server.on('upgrade', (req, socket, head) => void this.#onUpgrade(req, socket as Socket, head));
  }

  /** Rejects when the port is taken. */
  async listen(): Promise<number> {
    const { host, port } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve());
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Called once a second. */
  beat(): void {
    this.#streams.beat();
    if (++this.#seconds % this.#options.config.limits.pingSeconds === 0) this.#workers.beat();
    this.#metrics.collect({
      streams: this.#streams.openCount,
      openings: this.#streams.openingCount,
      workers: this.#workers.count,
    });
  }

  /**
   * New streams are refused at once, open ones go on for `softMs`. Workers are sent to redial first: they find the relay that takes
   * over, where new streams reach them while the open ones end here.
   */
  async close(softMs: number): Promise<void> {
    this.#isClosing = true;
    const soft = this.#options.clock.sleep(softMs);
    const drained = this.#streams.drain();
    this.#workers.closeAll(1001, 'the relay is stopping');
    await Promise.race([drained, soft]);
    this.#streams.closeAll();
    await Promise.race([this.#streams.drain(), this.#options.clock.sleep(farewellMs)]);
    this.#streams.destroyAll();
    this.#workers.terminateAll();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #onRequest(req: IncomingMessage, res: ServerResponse): void {
    if (this.#options.health.handle(req, res)) return;
    const body = JSON.stringify({ code: 'NOT_FOUND', message: 'this is a relay: it speaks WebSocket' });
    res.writeHead(404, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    res.end(body);
  }

  async #onUpgrade(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const upgrade = new Upgrade(req, socket, head);
    try {
      checkHandshake(req);
      this.#slowDown(req);
      this.#checkOrigin(req);
      const url = urlOf(req);
      if (url.pathname === RELAY_PATHS.connect) await this.#connect(req, url, upgrade);
      else if (url.pathname === RELAY_PATHS.control) await this.#attach(req, upgrade);
      else if (url.pathname.startsWith(RELAY_PATHS.stream)) await this.#join(req, url, upgrade);
      else throw new AppError({ code: 'NOT_FOUND', message: 'the relay has no such path' });
    } catch (err) {
      if (!(err instanceof AppError)) this.#options.log.error({ err }, 'upgrade failed');
      const refusal = err instanceof AppError ? err : new AppError({ code: 'INTERNAL', message: 'the relay failed' });
      this.#metrics.refused(refusal.code);
      upgrade.refuse(refusal);
    }
  }

  async #connect(req: IncomingMessage, url: URL, upgrade: Upgrade): Promise<void> {
    // A browser cannot set headers on a WebSocket; its ticket lives for minutes and is never logged.
    const token = url.searchParams.get('ticket') ?? bearerOf(req);
    this.#streams.open(upgrade, await this.#options.tickets.verify('client', token), token);
  }

  async #attach(req: IncomingMessage, upgrade: Upgrade): Promise<void> {
    const ticket = await this.#options.tickets.verify('worker', bearerOf(req));
    if (this.#isClosing) throw new AppError({ code: 'OVERLOADED', message: 'the relay is stopping: come again' });
    this.#workers.check(ticket);
    const { socket, head } = upgrade.release();
    this.#control.handleUpgrade(req, socket, head, (ws) => this.#workers.attach(ticket, ws));
  }

  async #join(req: IncomingMessage, url: URL, upgrade: Upgrade): Promise<void> {
    const streamId = url.pathname.slice(RELAY_PATHS.stream.length);
    if (!isId('stream', streamId)) throw new AppError({ code: 'NOT_FOUND', message: 'this is not the id of a stream' });
    this.#streams.join(upgrade, await this.#options.tickets.verify('worker', bearerOf(req)), streamId);
  }

  #slowDown(req: IncomingMessage): void {
    const waitMs = this.#dials.take(sourceOf(clientAddress(req, this.#options.config.proxyHops)));
    if (waitMs === 0) return;
    throw new AppError({
      code: 'RATE_LIMITED',
      message: 'too many dials from this address: wait a little',
      details: { retryAfterMs: waitMs },
    });
  }

  /** Browsers send it and pages cannot forge it; programs send none. */
  #checkOrigin(req: IncomingMessage): void {
    const { origin } = req.headers;
    if (origin === undefined || this.#options.config.allowedOrigins.includes(origin)) return;
    throw new AppError({ code: 'FORBIDDEN', message: 'pages of this origin may not dial the relay' });
  }
}

function urlOf(req: IncomingMessage): URL {
  try {
    return new URL(req.url ?? '/', 'http://relay');
  } catch (cause) {
    throw new AppError({ code: 'INVALID_INPUT', message: 'the path is not one', cause });
  }
}
