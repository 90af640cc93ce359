/**
 * Requests to addresses that people name. A name is resolved once, every address that it has is judged, and the connection goes
 * to one that was judged: what the name means a moment later does not matter. Redirects are answers like others. A name that has
 * one address that may not be called is not called at all.
 */
import { lookup as resolve } from 'node:dns/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type Allowed, placeOf, refusalOf } from './addresses.ts';

export interface Wish {
  url: URL;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string | Uint8Array;
  /** Private networks, too, on any port: only for what an administrator has named. Never where clouds keep credentials. */
  allowsPrivate?: boolean;
  /** Without TLS only what EASEL_OUTBOUND_ALLOWED_NETWORKS names. */
  needsTls?: boolean;
  timeoutMs: number;
  /** What an answer has beyond it is not read. */
  maxAnswerBytes: number;
}

export interface Answered {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  isCut: boolean;
}

/** Where web servers are; others than HTTP's speak at the rest. */
const USUAL_PORTS: ReadonlySet<number> = new Set([80, 443, 8080, 8443]);

export interface OutboundSettings {
  allowed: Allowed;
  ports?: ReadonlySet<number>;
}

type Care = Pick<Wish, 'allowsPrivate' | 'needsTls'>;

export type ResolveName = (host: string) => Promise<{ address: string; family: number }[]>;

/** Why nothing was sent: a sentence for whoever has named the address. */
export class OutboundRefused extends Error {}

export class Outbound {
  readonly #settings: OutboundSettings;
  readonly #resolve: ResolveName;

  constructor(settings: OutboundSettings, resolveName: ResolveName = (host) => resolve(host, { all: true })) {
    this.#settings = settings;
    this.#resolve = resolveName;
  }

  /** Throws a sentence for what is refused whatever the name resolves to. */
  check(url: URL, care: Care = {}): void {
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw new OutboundRefused('only http:// and https:// are called');
    if (url.username !== '' || url.password !== '')
      throw new OutboundRefused('an address with a password in it is not called');
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    const host = hostOf(url);
    const { ports = USUAL_PORTS, allowed } = this.#settings;
    if (!care.allowsPrivate && !ports.has(port) && !allowed.places.has(placeOf(host, port)))
      throw new OutboundRefused(`port ${port} is not called`);
    const isNever = care.needsTls && url.protocol === 'http:' && allowed.networks.length === 0;
    if (isNever && !allowed.hosts.has(host)) throw new OutboundRefused(`${host} is called by https:// alone`);
    if (isIP(host)) this.#judge(host, url, care);
  }

  /** Gives whatever is answered. Throws OutboundRefused, or what the network says. */
  async send(wish: Wish): Promise<Answered> {
    const { url, timeoutMs } = wish;
    this.check(url, wish);
    const startMs = performance.now();
    const pinned = await this.#reach(url, wish, timeoutMs);
    // A name that takes long leaves less to its host.
    return exchange(wish, pinned, Math.max(1, timeoutMs - (performance.now() - startMs)));
  }

  /**
   * The address behind the name in this URL, for what speaks another protocol with somebody whom an administrator has named. Throws
   * OutboundRefused, or what the resolver says.
   */
  async addressOf(url: URL, { timeoutMs }: { timeoutMs: number }): Promise<string> {
    return (await this.#reach(url, { allowsPrivate: true }, timeoutMs)).address;
  }

  /** A resolver may keep silent for much longer than anybody waits. */
  async #resolved(host: string, timeoutMs: number): ReturnType<ResolveName> {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => limit.reject(new Error(`${host} was not found within ${timeoutMs / 1000} seconds`)),
      timeoutMs,
    );
    try {
      return await Promise.race([this.#resolve(host), limit.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * A `fetch` for libraries that speak a protocol of their own with what an administrator has named. It follows nothing, and
   * gives no answer that is longer than `maxAnswerBytes`.
   */
  fetchNamed(limits: { timeoutMs: number; maxAnswerBytes: number }) {
    return async (
      url: string,
      options: { method?: string; headers?: HeadersInit; body?: unknown },
    ): Promise<Response> => {
      const { method = 'GET', body } = options;
      if (method !== 'GET' && method !== 'POST') throw new OutboundRefused(`${method} is not sent`);
      const answered = await this.send({
        ...limits,
        url: new URL(url),
        method,
        headers: Object.fromEntries(new Headers(options.headers)),
        ...(body === undefined || body === null
          ? {}
          : { body: body instanceof ArrayBuffer ? new Uint8Array(body) : String(body) }),
        allowsPrivate: true,
      });
      const { status, headers, isCut } = answered;
      if (status < 200 || (status >= 300 && status < 400))
        throw new OutboundRefused(`${url} points elsewhere: that is not followed`);
      if (isCut) throw new OutboundRefused(`${url} answers with more than ${limits.maxAnswerBytes} bytes`);
      const hasNoBody = status === 204 || status === 205;
      return new Response(hasNoBody ? null : new Uint8Array(answered.body), { status, headers });
    };
  }

  /** All addresses are judged, and the first is called. */
  async #reach(url: URL, care: Care, timeoutMs: number): Promise<{ address: string; family: number }> {
    const host = hostOf(url);
    const family = isIP(host);
    const found = family ? [{ address: host, family }] : await this.#resolved(host, timeoutMs);
    const [first] = found;
    if (!first) throw new OutboundRefused(`${host} has no address`);
    for (const { address } of found) this.#judge(address, url, care);
    return first;
  }

  #judge(address: string, url: URL, { allowsPrivate = false, needsTls = false }: Care): void {
    const host = hostOf(url);
    const needsAllowed = needsTls && url.protocol === 'http:';
    const why = refusalOf(address, { allowed: this.#settings.allowed, allowsPrivate, needsAllowed, host });
    if (why !== null) throw new OutboundRefused(`${host === address ? address : `${host} (${address})`} ${why}`);
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function exchange(wish: Wish, pinned: { address: string; family: number }, leftMs: number): Promise<Answered> {
  const { url, method, headers, body, timeoutMs, maxAnswerBytes } = wish;
  const lookup: LookupFunction = (_host, options, done) => {
    if (options.all) done(null, [pinned]);
    else done(null, pinned.address, pinned.family);
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request: ClientRequest = send(url, {
      method,
      headers: { ...headers, ...length },
      lookup,
      agent: false,
      maxHeaderSize: 16_384,
    });
    // Of the whole: one that sends a byte now and then does not hold us.
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs / 1000} seconds`)), leftMs);
    request.on('close', () => clearTimeout(timer));
    request.on('error', reject);
    request.on('response', (response) => {
      read(response, maxAnswerBytes).then((read) => {
        resolve({ status: response.statusCode ?? 0, headers: plain(response), ...read });
        request.destroy();
      }, reject);
    });
    request.end(body);
  });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<{ body: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) return { body: Buffer.concat(chunks).subarray(0, maxBytes), isCut: true };
  }
  return { body: Buffer.concat(chunks), isCut: false };
}

function plain({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return Object.fromEntries(entries);
}
