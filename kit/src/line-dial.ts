/** Dials a relayed stream as a line; like `dialStream`, for those who pass much on. */
import { createHash, randomBytes } from 'node:crypto';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { RELAY_PATHS, STREAM_OPEN_SECONDS } from '@easel/schema/wire/relay';
import { FrameLine } from './frame-line.ts';
import type { Line } from './line.ts';
import { readRefusal, relayAddress, relayTimedOut, relayUnreachable } from './relay-answer.ts';

export interface DialLineOptions {
  /** The relay's address (http, https, ws or wss), without a path of ours. */
  url: string;
  token: string;
  signal?: AbortSignal | undefined;
  /** From the dial to the upgrade; the default leaves the relay time to say itself that the worker did not come. */
  timeoutMs?: number;
}

/** RFC 6455 §1.3. */
const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const defaultTimeoutMs = (STREAM_OPEN_SECONDS + 5) * 1000;

/** Resolves with an open line, which must be attached in that very turn. Throws what `dialStream` throws. */
export async function dialLine(options: DialLineOptions): Promise<Line> {
  const { signal, timeoutMs = defaultTimeoutMs } = options;
  signal?.throwIfAborted();
  const url = relayAddress(options.url, RELAY_PATHS.connect, 'http');
  const opened = Promise.withResolvers<Line>();
  const key = randomBytes(16).toString('base64');
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    agent: false,
    headers: {
      authorization: `Bearer ${options.token}`,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
    },
  });
  const onAbort = () => opened.reject(signal?.reason);
  const timer = setTimeout(() => opened.reject(relayTimedOut(timeoutMs)), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  request.once('upgrade', (answer: IncomingMessage, socket: Socket, head: Buffer) => {
    const expected = createHash('sha1').update(`${key}${acceptGuid}`).digest('base64');
    if (answer.headers['sec-websocket-accept'] === expected) opened.resolve(new FrameLine(socket, head));
    else opened.reject(relayUnreachable(options.url, new Error('what answered is no relay')));
  });
  request.once('response', (answer) => void readRefusal(answer).then(opened.reject));
  request.on('error', (cause) => opened.reject(relayUnreachable(options.url, cause)));
  request.end();
  try {
    return await opened.promise;
  } catch (err) {
    request.destroy();
    throw err;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
