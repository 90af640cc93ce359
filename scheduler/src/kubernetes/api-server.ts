/**
 * The one way to the Kubernetes API. The library reads the configuration and proves who we are; requests are made here, since
 * it opens a connection for each, knows no time limit and drops Retry-After. Answers are plain JSON, parsed by whoever asked.
 *
 * All calls share one rate (the usual client's 5 per second would make a thousand environments wait for ten minutes). A call
 * that meets 429 or 503 waits as long as it is told to and is made again within its time limit. A write that has no answer in
 * time may have been done: names are fixed, so that the next try finds it.
 */
import http from 'node:http';
import https from 'node:https';
import type { Clock } from '@easel/kit/clock';
import { KubeConfig } from '@kubernetes/client-node';
import { fromStatus, KubernetesError, readError } from './api-error.ts';
import { CallRate, type Rate } from './call-rate.ts';

export interface ApiServerOptions {
  config: KubeConfig;
  clock: Clock;
  signal: AbortSignal;
  rate?: Rate;
  /** For one call from its turn on, later waits included. */
  limitMs?: number;
}

export interface Call {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** It begins something new: what finishes or ends something goes first. */
  isBeginning?: boolean;
}

export interface WatchCall {
  path: string;
  query: Record<string, string | number | boolean | undefined>;
  /** A watch without an end after this is dead, whatever the connection says. */
  limitMs: number;
  signal: AbortSignal;
  onEvent: (type: string, object: unknown) => void;
}

const defaultRate: Rate = { perSecond: 50, burst: 100 };
const defaultLimitMs = 15_000;
/** Without word from the server how long to stay away after a 429 or 503. */
const standardWaitMs = 1_000;
/** Connections kept open: as many calls as the rate lets be under way. */
const maxSockets = 40;

export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #rate: CallRate;
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets }),
    'https:': new https.Agent({ keepAlive: true, maxSockets }),
  };
  /** Watches stand for minutes: they take no connection from the calls. */
  readonly #watchAgents = { 'http:': new http.Agent(), 'https:': new https.Agent() };

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#rate = new CallRate(options.rate ?? defaultRate, options.clock);
    options.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Gives the parsed JSON of the answer. Throws KubernetesError, or the signal's reason when we stop. */
  async call(call: Call): Promise<unknown> {
    const { clock, signal } = this.#options;
    await this.#rate.turn(signal, call.isBeginning);
    const limit = new AbortController();
    const limitMs = this.#options.limitMs ?? defaultLimitMs;
    const timer = clock.setTimeout(() => limit.abort(), limitMs);
    const ended = AbortSignal.any([signal, limit.signal]);
    try {
      for (;;) {
        try {
          return await this.#send(call, ended);
        } catch (err) {
          if (!(err instanceof KubernetesError) || (err.status !== 429 && err.status !== 503)) throw err;
          const waitMs = err.retryAfterMs ?? standardWaitMs;
          // No use in waiting for what will not come in time: whoever asked tries again later.
          if (waitMs >= limitMs) throw err;
          await clock.sleep(waitMs, ended).catch(() => {
            throw err;
          });
          await this.#rate.turn(ended);
        }
      }
    } catch (err) {
      signal.throwIfAborted();
      if (err instanceof KubernetesError) throw err;
      const message = limit.signal.aborted
        ? `the Kubernetes API did not answer in ${limitMs} ms`
        : `the Kubernetes API cannot be reached: ${err instanceof Error ? err.message : String(err)}`;
      throw new KubernetesError({ status: 0, reason: 'Unreachable', message, cause: err });
    } finally {
      timer.cancel();
    }
  }

  /** Resolves when the server ends the watch. Throws KubernetesError for what it says instead. */
  async watch(call: WatchCall): Promise<void> {
    const { clock, signal } = this.#options;
    const limit = new AbortController();
    const timer = clock.setTimeout(() => limit.abort(), call.limitMs);
    const ended = AbortSignal.any([signal, call.signal, limit.signal]);
    try {
      const response = await this.#open({ path: call.path, query: { ...call.query, watch: true } }, ended, true);
      if (response.statusCode !== 200) throw await errorOf(response);
      for await (const line of linesOf(response)) {
        const { type, object } = JSON.parse(line) as { type?: unknown; object?: unknown };
        if (type === 'ERROR') throw fromStatus(object, { status: codeOf(object) });
        if (typeof type === 'string') call.onEvent(type, object);
      }
      ended.throwIfAborted();
    } catch (err) {
      signal.throwIfAborted();
      call.signal.throwIfAborted();
      if (err instanceof KubernetesError) throw err;
      const message = limit.signal.aborted ? 'a watch has stalled' : `a watch broke off: ${String(err)}`;
      throw new KubernetesError({ status: 0, reason: 'Unreachable', message, cause: err });
    } finally {
      timer.cancel();
      limit.abort();
    }
  }

  async #send(call: Call, signal: AbortSignal): Promise<unknown> {
    const response = await this.#open(call, signal, false);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw await errorOf(response);
    return JSON.parse(await textOf(response));
  }

  async #open(call: Call, signal: AbortSignal, isWatch: boolean): Promise<http.IncomingMessage> {
    const { config } = this.#options;
    const cluster = config.getCurrentCluster();
    if (!cluster) throw new Error('the configuration names no cluster');
    const url = new URL(cluster.server.replace(/\/+$/, '') + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const protocol = url.protocol === 'http:' ? 'http:' : 'https:';
    const proof: https.RequestOptions = {};
    // Also refuses plain HTTP where the configuration does not allow it, and reads a token file that was renewed.
    await config.applyToHTTPSOptions(proof);
    const ownAgent = (isWatch ? this.#watchAgents : this.#agents)[protocol];
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      const request = (protocol === 'http:' ? http : https).request(
        url,
        {
          ...proof,
          agent: cluster.proxyUrl ? proof.agent : ownAgent,
          method: call.method ?? 'GET',
          headers: {
            ...proof.headers,
            accept: 'application/json',
            'user-agent': 'easel-scheduler',
            ...(body === undefined
              ? {}
              : { 'content-type': contentTypeOf(call), 'content-length': Buffer.byteLength(body) }),
          },
          signal,
        },
        resolve,
      );
      request.once('error', reject);
      request.once('socket', (socket) => socket.setKeepAlive(true, 30_000));
      request.end(body);
    });
  }

  #close(): void {
    for (const agents of [this.#agents, this.#watchAgents]) for (const agent of Object.values(agents)) agent.destroy();
  }
}

/** Inside a pod its service account; outside, what KUBECONFIG names. */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromCluster();
  else config.loadFromFile(file);
  return config;
}

/** Only JSON merge patches are used (RFC 7386). */
function contentTypeOf(call: Call): string {
  return call.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

async function errorOf(response: http.IncomingMessage): Promise<KubernetesError> {
  return readError(response.statusCode ?? 0, await textOf(response), response.headers['retry-after']);
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const part of response) text += part;
  return text;
}

async function* linesOf(response: http.IncomingMessage): AsyncIterable<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const part of response) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}

function codeOf(status: unknown): number {
  const code = (status as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : 0;
}
