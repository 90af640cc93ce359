import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from './clock.ts';
import type { Metrics } from './metrics.ts';

/** Throws, or rejects, when the part it looks at cannot serve; the message says why. */
export type HealthCheck = () => Promise<void> | void;

/** A check that does not answer in this time has failed: shorter than the usual probe timeout. */
const checkLimitMs = 2_000;

/**
 * What the process says about itself over HTTP. `/healthz`: the process turns (200 always). `/readyz`: it may be sent
 * work, that is `ready` and every check passes (200, else 503 with the reasons). `/metrics`: Prometheus text.
 */
export class Health {
  /** Set by `runService` once everything has started, and taken back when the stop begins. */
  ready = false;
  readonly #checks = new Map<string, HealthCheck>();
  readonly #metrics: Metrics | undefined;
  readonly #clock: Clock;

  constructor(options: { metrics?: Metrics; clock?: Clock } = {}) {
    this.#metrics = options.metrics;
    this.#clock = options.clock ?? systemClock;
  }

  check(name: string, fn: HealthCheck): void {
    this.#checks.set(name, fn);
  }

  /**
   * Answers `/healthz`, `/readyz` and `/metrics`; true when the request was one of them. On a server that faces the
   * public pass `{ metrics: false }`, so that numbers stay inside.
   */
  handle(req: IncomingMessage, res: ServerResponse, options: { metrics?: boolean } = {}): boolean {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false;
    const path = req.url?.split('?', 1)[0];
    if (path === '/healthz') answer(res, 200, 'ok\n');
    else if (path === '/readyz') void this.#answerReady(res);
    else if (path === '/metrics' && this.#metrics && options.metrics !== false) void this.#answerMetrics(res);
    else return false;
    return true;
  }

  /** The reasons why the process cannot serve now; none when it can. */
  async problems(): Promise<string[]> {
    if (!this.ready) return ['not ready'];
    const outcomes = await Promise.all([...this.#checks].map(([name, fn]) => this.#run(name, fn)));
    return outcomes.filter((outcome) => outcome !== undefined);
  }

  async #run(name: string, fn: HealthCheck): Promise<string | undefined> {
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.setTimeout(() => late.reject(new Error(`no answer in ${checkLimitMs} ms`)), checkLimitMs);
    try {
      await Promise.race([Promise.resolve().then(fn), late.promise]);
      return undefined;
    } catch (err) {
      return `${name}: ${err instanceof Error ? err.message : String(err)}`;
    } finally {
      timer.cancel();
    }
  }

  async #answerReady(res: ServerResponse): Promise<void> {
    const problems = await this.problems();
    if (problems.length === 0) answer(res, 200, 'ready\n');
    else answer(res, 503, `${problems.join('\n')}\n`);
  }

  async #answerMetrics(res: ServerResponse): Promise<void> {
    try {
      answer(res, 200, (await this.#metrics?.text()) ?? '', 'text/plain; version=0.0.4; charset=utf-8');
    } catch (err) {
      answer(res, 500, `${(err as Error).message}\n`);
    }
  }
}

function answer(res: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  res.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  });
  res.end(res.req.method === 'HEAD' ? undefined : body);
}

/** Serves `health` alone, for a process without an HTTP server of its own. Rejects when the port is taken. */
export async function listenHealth(options: {
  host: string;
  /** Zero takes any free port. */
  port: number;
  health: Health;
}): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((req, res) => {
    if (!options.health.handle(req, res)) answer(res, 404, 'not found\n');
  });
  // Probes are small and quick; whoever dawdles is not a probe.
  server.requestTimeout = 5_000;
  server.keepAliveTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
