/**
 * A request for a WebSocket that is not answered yet. Whoever holds it either accepts, and owns the socket from then on, or
 * refuses with an HTTP status and `{"code","message"}`. Source: RFC 6455 §4.2.
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError, ERRORS, type ErrorCode } from '@easel/schema/errors';

/** RFC 6455 §1.3. */
const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** What a refused caller gets to read its answer. */
const refusalLingerMs = 2_000;
/** When to come back, where the refusal itself names no time. */
const retryAfterSeconds: Partial<Record<ErrorCode, number>> = {
  RATE_LIMITED: 1,
  WORKER_UNREACHABLE: 2,
  OVERLOADED: 2,
  PLATFORM_UNAVAILABLE: 2,
};

export class Upgrade {
  readonly socket: Socket;
  readonly #head: Buffer;
  readonly #key: string;
  readonly #onGone: () => void;
  #whenGone: (() => void) | undefined;

  /** Listens at once: a caller that leaves, or talks before it was answered, is refused by itself. */
  constructor(req: IncomingMessage, socket: Socket, head: Buffer) {
    this.socket = socket;
    this.#head = head;
    this.#key = req.headers['sec-websocket-key'] ?? '';
    this.#onGone = () => {
      this.socket.destroy();
      this.#whenGone?.();
    };
    socket.setTimeout(0);
    socket.on('error', ignore);
    socket.on('close', this.#onGone);
    socket.on('end', this.#onGone);
  }

  /** `fn` is called when the caller leaves before it is answered. From here on it must not send anything either. */
  wait(fn: () => void): void {
    this.#whenGone = fn;
    this.socket.on('data', this.#onGone);
    if (this.#head.length > 0 || this.socket.destroyed) this.#onGone();
  }

  /** Gives the socket away unanswered, with what the caller sent right behind its request. */
  release(): { socket: Socket; head: Buffer } {
    this.#letGo();
    return { socket: this.socket, head: this.#head };
  }

  /** Answers 101, and gives the socket away. */
  accept(): { socket: Socket; head: Buffer } {
    const accept = createHash('sha1').update(`${this.#key}${acceptGuid}`).digest('base64');
    this.socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    return this.release();
  }

  refuse(err: AppError): void {
    this.#letGo();
    const body = JSON.stringify({ code: err.code, message: err.message });
    const { http: status } = ERRORS[err.code];
    const waitMs = Number(err.details.retryAfterMs);
    const wait = waitMs > 0 ? Math.ceil(waitMs / 1000) : retryAfterSeconds[err.code];
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json',
      'Cache-Control: no-store',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(wait === undefined ? [] : [`Retry-After: ${wait}`]),
      ...(err.code === 'UNSUPPORTED_VERSION' ? ['Sec-WebSocket-Version: 13'] : []),
    ];
    this.socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
    this.socket.resume();
    this.socket.setTimeout(refusalLingerMs, () => this.socket.destroy());
  }

  /** Takes our listeners off, except the one for errors: whoever comes next has its own. */
  #letGo(): void {
    this.#whenGone = undefined;
    this.socket.off('close', this.#onGone);
    this.socket.off('end', this.#onGone);
    this.socket.off('data', this.#onGone);
  }
}

function ignore(): void {
  // 'close' follows and says what there is to do.
}

/** Throws INVALID_INPUT or UNSUPPORTED_VERSION for what is no opening handshake of RFC 6455. */
export function checkHandshake(req: IncomingMessage): void {
  const { upgrade, 'sec-websocket-key': key = '', 'sec-websocket-version': version } = req.headers;
  if (req.method !== 'GET' || upgrade?.toLowerCase() !== 'websocket' || !/^[+/0-9A-Za-z]{22}==$/.test(key)) {
    throw new AppError({ code: 'INVALID_INPUT', message: 'expected a WebSocket handshake (RFC 6455)' });
  }
  if (version !== '13') {
    throw new AppError({ code: 'UNSUPPORTED_VERSION', message: 'expected version 13 of the WebSocket protocol' });
  }
}

/** `Authorization: Bearer …`. Throws TICKET_INVALID when there is none. */
export function bearerOf(req: IncomingMessage): string {
  const token = /^Bearer ([\w.-]{1,4096})$/i.exec(req.headers.authorization ?? '')?.[1];
  if (token) return token;
  throw new AppError({ code: 'TICKET_INVALID', message: 'expected a ticket: "Authorization: Bearer <ticket>"' });
}
