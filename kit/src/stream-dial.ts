/**
 * Dials a relayed stream. The relay answers the upgrade only when the worker's leg has come, so a refusal is an HTTP status
 * with `{"code","message"}`; it comes out as the `AppError` that the relay meant.
 */
import type { Duplex } from 'node:stream';
import { RELAY_PATHS, STREAM_OPEN_SECONDS } from '@easel/schema/wire/relay';
import { type ClientOptions, WebSocket } from 'ws';
import { readRefusal, relayAddress, relayTimedOut, relayUnreachable } from './relay-answer.ts';
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
/**
 * Resolves with an open stream. Throws `AppError` with the relay's code (`details.retryAfterMs` when it named one),
 * TIMED_OUT, or PLATFORM_UNAVAILABLE when the relay cannot be reached; the signal's reason when that aborts.
 */
export async function dialStream(options: DialStreamOptions): Promise<Duplex> {
  const { signal, timeoutMs = defaultTimeoutMs } = options;
  signal?.throwIfAborted();
  const ws = new WebSocket(relayAddress(options.url, options.path ?? RELAY_PATHS.connect, 'ws'), {
    ...options.socketOptions,
    headers: { authorization: `Bearer ${options.token}` },
    perMessageDeflate: false,
    maxPayload: maxPayloadBytes,
    ...(options.zeroMask ? { generateMask: (mask: Buffer) => void mask.fill(0) } : {}),
  });
  const opened = Promise.withResolvers<Duplex>();
  const onAbort = () => opened.reject(signal?.reason);
  const timer = setTimeout(() => {
    opened.reject(relayTimedOut(timeoutMs));
  }, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  ws.once('open', () => opened.resolve(streamSocket(ws)));
  ws.once('unexpected-response', (_req, res) => void readRefusal(res).then(opened.reject));
  ws.on('error', (cause) => opened.reject(relayUnreachable(options.url, cause)));
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
