/**
 * A WebSocket that is dialled again and again until somebody who may says stop.
 *
 * Who: a process that stands outside (worker, scheduler, command) towards one that listens (server, relay). When: from
 * start until `signal` aborts, `close()` is called, or the other side refuses with a code that `fatal` knows. If the
 * other side dies without a word, its missing pong shows it: the socket is cut and dialled again. If it refuses the
 * upgrade, the HTTP status is reported and dialling goes on. Nothing is queued: what could not be sent is the caller's to
 * tell again after `onOpen` (facts are re-read, not replayed).
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { type Backoff, fullJitter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Log } from './log.ts';

/** The other side answered the upgrade with an HTTP status instead of a socket. */
export interface UpgradeRefusal {
  status: number;
  /** The first bytes of the answer, for a person. */
  message: string;
  retryAfterMs?: number;
}

export interface RedialOptions {
  /** Asked before each dial, so it may carry a fresh ticket. A failure counts as a failed dial. */
  url: () => Promise<string> | string;
  /** Asked before each dial. */
  headers?: () => Promise<Record<string, string>> | Record<string, string>;
  protocols?: string | string[];
  clock?: Clock;
  log: Log;
  signal: AbortSignal;
  onOpen?: (socket: WebSocket) => void;
  onMessage?: (data: Buffer, isBinary: boolean) => void;
  /** Once for every `onOpen`. 1006 when the line was cut or the peer was found dead. */
  onClose?: (code: number, reason: string) => void;
  onRefused?: (refusal: UpgradeRefusal) => void;
  heartbeat?: { everyMs: number; timeoutMs: number };
  backoff?: Backoff;
  /** Whether to give up after this WebSocket close code (≥ 1000) or HTTP status of a refused upgrade (< 1000). */
  fatal?: (code: number) => boolean;
  /** Further options of `ws`, such as `maxPayload`. */
  socketOptions?: Pick<ClientOptions, 'maxPayload' | 'perMessageDeflate' | 'ca' | 'rejectUnauthorized'>;
  random?: () => number;
}

export interface Redialler {
  /** False when there is no open socket now; nothing is queued then. */
  send(data: string | Uint8Array): boolean;
  /** Bytes handed to the socket and not yet to the network: look at it before sending what can wait. */
  readonly bufferedBytes: number;
  /** The open socket, if there is one. */
  readonly socket: WebSocket | undefined;
  /** Closes for good. Closing twice does nothing. */
  close(code?: number, reason?: string): void;
  /** Resolves when dialling has ended for good, with the code that ended it. */
  readonly closed: Promise<{ code: number; reason: string }>;
}

const defaultBackoff: Backoff = { baseMs: 500, maxMs: 30_000 };
const defaultHeartbeat = { everyMs: 15_000, timeoutMs: 10_000 };
/** A socket that lived this long was a success: the next dial starts with short waits again. */
const stableMs = 10_000;
/** From the dial to the upgrade. */
const handshakeLimitMs = 15_000;
/** How long a peer may take to answer a close frame. */
const closeLimitMs = 2_000;
/** What is kept of the body of a refused upgrade. */
const refusalBytes = 2_048;
/** How long the body of a refused upgrade may take. */
const refusalLimitMs = 2_000;
/** Largest message taken unless `socketOptions.maxPayload` says otherwise. */
const defaultMaxPayload = 4 * 1024 * 1024;

type Ending = { code: number; reason: string; waitMs?: number };

/** Starts dialling. */
export function redial(options: RedialOptions): Redialler {
  const { clock = systemClock, log, backoff = defaultBackoff } = options;
  const ended = Promise.withResolvers<{ code: number; reason: string }>();
  const giveUp = new AbortController();
  const signal = AbortSignal.any([options.signal, giveUp.signal]);
  let socket: WebSocket | undefined;
  let goodbye = { code: 1001, reason: 'going away' };
  let attempt = 0;

  /** One dial and, when it succeeds, one life of a socket. Resolves when that life is over. */
  async function live(): Promise<Ending> {
    const url = await options.url();
    const headers = (await options.headers?.()) ?? {};
    if (signal.aborted) return goodbye;
    const dialled = new WebSocket(url, options.protocols ?? [], {
      handshakeTimeout: handshakeLimitMs,
      perMessageDeflate: false,
      maxPayload: defaultMaxPayload,
      ...options.socketOptions,
      headers,
    });
    return follow(dialled);
  }

  function follow(dialled: WebSocket): Promise<Ending> {
    const over = Promise.withResolvers<Ending>();
    let failure: Error | undefined;
    let refusal: UpgradeRefusal | undefined;
    let isOpen = false;
    const timers = [() => signal.removeEventListener('abort', hangUp)];
    const hangUp = () => timers.push(sayGoodbye(dialled, goodbye, clock));
    signal.addEventListener('abort', hangUp);

    dialled.on('error', (err) => {
      failure ??= err;
    });
    dialled.on('unexpected-response', (req, res) => {
      readRefusal({ req, res, clock }, (read) => {
        refusal = read;
        dialled.terminate();
      });
    });
    dialled.on('open', () => {
      isOpen = true;
      socket = dialled;
      log.info({ attempt }, 'socket connected');
      timers.push(watchPeer(dialled, options.heartbeat ?? defaultHeartbeat, clock, log));
      const stable = clock.setTimeout(() => {
        attempt = 0;
      }, stableMs);
      timers.push(() => stable.cancel());
      options.onOpen?.(dialled);
    });
    dialled.on('message', (data: RawData, isBinary) => options.onMessage?.(data as Buffer, isBinary));
    dialled.on('close', (code, reasonBytes) => {
      for (const cancel of timers) cancel();
      if (socket === dialled) socket = undefined;
      const reason = reasonBytes.toString();
      if (isOpen) {
        log.info({ code, reason, err: failure }, 'socket closed');
        options.onClose?.(code, reason);
        over.resolve({ code, reason });
      } else if (refusal) {
        options.onRefused?.(refusal);
        const waitMs = refusal.retryAfterMs;
        over.resolve({ code: refusal.status, reason: refusal.message, ...(waitMs === undefined ? {} : { waitMs }) });
      } else {
        over.reject(failure ?? new Error('the socket closed before it opened'));
      }
    });
    return over.promise;
  }

  async function dialUntilEnded(): Promise<Ending> {
    while (!signal.aborted) {
      let waitMs = 0;
      try {
        const ending = await live();
        if (signal.aborted) break;
        if (options.fatal?.(ending.code)) {
          log.warn({ code: ending.code, reason: ending.reason }, 'refused for good, not dialling again');
          return { code: ending.code, reason: ending.reason };
        }
        if (ending.code < 1000) log.warn({ code: ending.code, attempt }, 'upgrade refused');
        waitMs = ending.waitMs ?? 0;
      } catch (err) {
        if (signal.aborted) break;
        log.warn({ attempt, err }, 'dial failed');
      }
      await clock.sleep(waitMs + fullJitter(backoff, attempt++, options.random), signal).catch(() => undefined);
    }
    return goodbye;
  }

  void dialUntilEnded().then((ending) => ended.resolve({ code: ending.code, reason: ending.reason }));

  return {
    send(data) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(data);
      return true;
    },
    get bufferedBytes() {
      return socket?.bufferedAmount ?? 0;
    },
    get socket() {
      return socket;
    },
    close(code = 1000, reason = '') {
      if (signal.aborted) return;
      goodbye = { code, reason };
      giveUp.abort();
    },
    closed: ended.promise,
  };
}

/** Sends a close frame and cuts the line if it is not answered. Gives what takes the timer back. */
function sayGoodbye(socket: WebSocket, goodbye: { code: number; reason: string }, clock: Clock): () => void {
  if (socket.readyState === WebSocket.CONNECTING) {
    socket.terminate();
    return () => undefined;
  }
  socket.close(goodbye.code, goodbye.reason);
  const timer = clock.setTimeout(() => socket.terminate(), closeLimitMs);
  return () => timer.cancel();
}

/** Pings; any byte of life counts as an answer; silence for `timeoutMs` after a ping cuts the line. */
function watchPeer(
  socket: WebSocket,
  heartbeat: { everyMs: number; timeoutMs: number },
  clock: Clock,
  log: Log,
): () => void {
  let deadline: { cancel(): void } | undefined;
  const isAlive = () => {
    deadline?.cancel();
    deadline = undefined;
  };
  const beat = () => {
    socket.ping();
    deadline ??= clock.setTimeout(() => {
      log.warn({ timeoutMs: heartbeat.timeoutMs }, 'peer is silent, cutting the line');
      socket.terminate();
    }, heartbeat.timeoutMs);
    next = clock.setTimeout(beat, heartbeat.everyMs);
  };
  let next = clock.setTimeout(beat, heartbeat.everyMs);
  socket.on('pong', isAlive);
  socket.on('ping', isAlive);
  socket.on('message', isAlive);
  return () => {
    next.cancel();
    isAlive();
  };
}

function readRefusal(
  { req, res, clock }: { req: ClientRequest; res: IncomingMessage; clock: Clock },
  done: (refusal: UpgradeRefusal) => void,
): void {
  let message = '';
  let isDone = false;
  const finish = () => {
    if (isDone) return;
    isDone = true;
    timer.cancel();
    const retryAfterSeconds = Number(res.headers['retry-after']);
    done({
      status: res.statusCode ?? 0,
      message: message.trim(),
      ...(retryAfterSeconds > 0 ? { retryAfterMs: retryAfterSeconds * 1000 } : {}),
    });
    req.destroy();
  };
  const timer = clock.setTimeout(finish, refusalLimitMs);
  res.setEncoding('utf8');
  res.on('data', (text: string) => {
    message = (message + text).slice(0, refusalBytes);
    if (message.length === refusalBytes) finish();
  });
  res.on('end', finish);
  res.on('error', finish);
  res.on('close', finish);
}
