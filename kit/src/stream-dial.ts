/**
 * Dials a relayed stream. The relay answers the upgrade only when the worker's leg has come, so a refusal is an HTTP status
 * with `{"code","message"}`; it comes out as the `AppError` that the relay meant.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, type ErrorCode, isErrorCode } from '@easel/schema/errors';
import { RELAY_PATHS, STREAM_OPEN_SECONDS } from '@easel/schema/wire/relay';
import { type ClientOptions, WebSocket } from 'ws';
import { streamSocket } from './stream-socket.ts';

export interface DialStreamOptions {
  /** The relay's address (http, https, ws or wss), without a path of ours. */
  url: string;
  token: string;
  /** Default `/connect`, the client's leg; a worker dials `RELAY_PATHS.stream` and the stream's id. */
  path?: string;
  signal?: AbortSignal | undefined;
  /** From the dial to the upgrade; the default leaves the relay time to say itself that the worker did not come. */
  timeoutMs?: number;
  /**
   * Masks with zeros, so that neither side spends time on it. For workers, whose bytes are no browser's: the mask protects
   * careless proxies from scripts in pages (RFC 6455 §10.3), nobody else.
   */
  zeroMask?: boolean;
  socketOptions?: Pick<ClientOptions, 'ca' | 'rejectUnauthorized' | 'agent'>;
}

const defaultTimeoutMs = (STREAM_OPEN_SECONDS + 5) * 1000;
/** Messages of ours are much smaller; a peer that sends larger ones without fragments is not of ours. */
const maxPayloadBytes = 4 * 1024 * 1024;
/** What is read of the body of a refusal. */
const refusalBytes = 4_096;

/** What a status means whose body says nothing, a proxy's for one. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_INPUT',
  401: 'TICKET_INVALID',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMITED',
  502: 'PORT_CLOSED',
  503: 'WORKER_UNREACHABLE',
  504: 'TIMED_OUT',
};

/**
 * Resolves with an open stream. Throws `AppError` with the relay's code (`details.retryAfterMs` when it named one),
 * TIMED_OUT, or PLATFORM_UNAVAILABLE when the relay cannot be reached; the signal's reason when that aborts.
 */
export async function dialStream(options: DialStreamOptions): Promise<Duplex> {
  const { signal, timeoutMs = defaultTimeoutMs } = options;
  signal?.throwIfAborted();
  const ws = new WebSocket(addressOf(options), {
    ...options.socketOptions,
    headers: { authorization: `Bearer ${options.token}` },
    perMessageDeflate: false,
    maxPayload: maxPayloadBytes,
    ...(options.zeroMask ? { generateMask: (mask: Buffer) => void mask.fill(0) } : {}),
  });
  const opened = Promise.withResolvers<Duplex>();
  const onAbort = () => opened.reject(signal?.reason);
  const timer = setTimeout(() => {
    opened.reject(new AppError({ code: 'TIMED_OUT', message: `the relay did not answer in ${timeoutMs} ms` }));
  }, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  ws.once('open', () => opened.resolve(streamSocket(ws)));
  ws.once('unexpected-response', (_req, res) => void readRefusal(res).then(opened.reject));
  ws.on('error', (cause) => {
    const message = `cannot reach the relay at ${new URL(options.url).host}: ${cause.message || (cause as NodeJS.ErrnoException).code}`;
    opened.reject(new AppError({ code: 'PLATFORM_UNAVAILABLE', message, cause }));
  });
  try {
    return await opened.promise;
  } catch (err) {
    ws.terminate();
    throw err;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function addressOf(options: DialStreamOptions): string {
  const url = new URL(options.url);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  url.pathname = url.pathname.replace(/\/+$/, '') + (options.path ?? RELAY_PATHS.connect);
  return url.href;
}

/** Never rejects: a body that ends early is judged by its status. */
async function readRefusal(res: IncomingMessage): Promise<AppError> {
  let body = '';
  res.setEncoding('utf8');
  try {
    for await (const text of res) {
      body += text;
      if (body.length >= refusalBytes) break;
    }
  } catch {
    // The status says what there is to say.
  }
  const status = res.statusCode ?? 0;
  const said = parseRefusal(body);
  const retryAfterSeconds = Number(res.headers['retry-after']);
  return new AppError({
    code: said.code ?? codeOfStatus[status] ?? 'PLATFORM_UNAVAILABLE',
    message: said.message ?? `the relay answered with HTTP ${status}`,
    ...(retryAfterSeconds > 0 ? { details: { retryAfterMs: retryAfterSeconds * 1000 }, retryable: true } : {}),
  });
}

function parseRefusal(body: string): { code?: ErrorCode; message?: string } {
  try {
    const { code, message } = JSON.parse(body) as { code?: unknown; message?: unknown };
    return {
      ...(isErrorCode(code) ? { code } : {}),
      ...(typeof message === 'string' ? { message: message.slice(0, 500) } : {}),
    };
  } catch {
    return {};
  }
}
