/**
 * A stream over a WebSocket, as `@easel/schema/wire/relay` writes it down: binary messages are bytes, the one text message
 * `STREAM_END` is a half-close, 1000 ends a stream whose both sides have ended, any other close is a reset.
 *
 * Who: whatever ends a relayed stream (client, jump, worker); `dialStream` of `./stream-dial.ts` dials one. When the reader is slow the WebSocket is paused and the
 * network holds the sender back; when the network is slow `write` says so. If the other side dies, the stream fails with
 * `StreamReset`. A clean end loses nothing: the close frame is sent only when all bytes have left this process.
 */
import { Duplex } from 'node:stream';
import { STREAM_END } from '@easel/schema/wire/relay';
import type { RawData, WebSocket } from 'ws';

/** The largest message sent: small enough to share a line fairly, large enough for its header not to matter. */
const maxMessageBytes = 65_536;
/** Bytes that may wait in the socket before `write` asks its caller to wait. */
const highWaterBytes = 131_072;
/** How long a peer may take to answer the close frame of a reset. */
const closeLimitMs = 2_000;

/** The other side, or the relay between, gave the stream up. Fails like a TCP connection: `code` is ECONNRESET. */
export class StreamReset extends Error {
  readonly code = 'ECONNRESET';
  /** The WebSocket close code (RFC 6455 §7.4.1): 1006 when the line was cut. */
  readonly closeCode: number;

  constructor(closeCode: number, reason: string, options?: ErrorOptions) {
    super(reason ? `the stream was reset: ${reason}` : `the stream was reset (close code ${closeCode})`, options);
    this.name = 'StreamReset';
    this.closeCode = closeCode;
  }
}

export interface StreamSocketOptions {
  /** Default true: an end from the other side does not end this one. */
  allowHalfOpen?: boolean;
  /** Bytes read ahead of the reader. */
  readableHighWaterMark?: number;
}

/** Turns an open WebSocket into a stream. Call it in the turn in which the socket opened, so that no message is missed. */
export function streamSocket(ws: WebSocket, options: StreamSocketOptions = {}): Duplex {
  return new StreamSocket(ws, options);
}

class StreamSocket extends Duplex {
  readonly #ws: WebSocket;
  /** Our end has left the process. */
  #hasEnded = false;
  /** Their end has come. */
  #hasPeerEnded = false;
  #failure: Error | undefined;

  constructor(ws: WebSocket, options: StreamSocketOptions) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? true,
      readableHighWaterMark: options.readableHighWaterMark ?? maxMessageBytes,
      writableHighWaterMark: maxMessageBytes,
      decodeStrings: true,
    });
    this.#ws = ws;
    ws.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    ws.on('error', (err) => {
      this.#failure ??= err;
    });
    ws.on('close', (code, reason) => this.#onClose(code, reason.toString()));
    if (ws.readyState !== ws.OPEN) this.destroy(new StreamReset(1006, 'the socket is not open'));
  }

  override _read(): void {
    if (this.#ws.isPaused) this.#ws.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (err?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (err?: Error | null) => void): void {
    this.#send(packed(chunks), done);
  }

  override _final(done: (err?: Error | null) => void): void {
    this.#ws.send(STREAM_END, (err) => {
      if (err) return done(this.#lost(err));
      this.#hasEnded = true;
      this.#closeWhenOver();
      done();
    });
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    const ws = this.#ws;
    if (!(this.#hasEnded && this.#hasPeerEnded) && ws.readyState !== ws.CLOSED) {
      ws.resume();
      ws.close(err ? 1011 : 1001);
      const timer = setTimeout(() => ws.terminate(), closeLimitMs);
      ws.once('close', () => clearTimeout(timer));
    }
    done(err);
  }

  /** Sends messages of bounded size; `done` comes at once while the socket is roomy, else when the last one has left. */
  #send(chunks: Buffer[], done: (err?: Error | null) => void): void {
    const last = chunks.at(-1);
    let isDone = false;
    const finish = (err?: Error | null) => {
      if (isDone) return;
      isDone = true;
      done(err ? this.#lost(err) : null);
    };
    for (const chunk of chunks) {
      for (let from = 0; from < chunk.length; from += maxMessageBytes) {
        const isLast = chunk === last && from + maxMessageBytes >= chunk.length;
        this.#ws.send(chunk.subarray(from, from + maxMessageBytes), { binary: true }, isLast ? finish : undefined);
      }
    }
    if (!last?.length || this.#ws.bufferedAmount < highWaterBytes) finish();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.destroyed) return;
    if (this.#hasPeerEnded) {
      this.destroy(new StreamReset(1002, 'the other side went on after its end'));
    } else if (isBinary) {
      if (!this.push(data as Buffer)) this.#ws.pause();
    } else if ((data as Buffer).toString() === STREAM_END) {
      this.#hasPeerEnded = true;
      this.push(null);
      this.#closeWhenOver();
    } else {
      this.destroy(new StreamReset(1003, 'the other side sent text that is not an end'));
    }
  }

  #closeWhenOver(): void {
    if (!this.#hasEnded || !this.#hasPeerEnded) return;
    if (this.#ws.isPaused) this.#ws.resume();
    this.#ws.close(1000);
  }

  #onClose(code: number, reason: string): void {
    // All that was sent to us has come: what is still unread stays readable.
    if (this.#hasEnded && this.#hasPeerEnded) return;
    this.destroy(this.#failure ? this.#lost(this.#failure, code) : new StreamReset(code, reason));
  }

  #lost(cause: Error, code = 1006): StreamReset {
    return cause instanceof StreamReset ? cause : new StreamReset(code, cause.message, { cause });
  }
}

/** Puts small writes that have piled up into few messages; large ones stay as they are. */
function packed(chunks: { chunk: Buffer }[]): Buffer[] {
  const messages: Buffer[] = [];
  let small: Buffer[] = [];
  let smallBytes = 0;
  const flush = () => {
    if (small.length > 0) messages.push(small.length === 1 ? small[0]! : Buffer.concat(small, smallBytes));
    small = [];
    smallBytes = 0;
  };
  for (const { chunk } of chunks) {
    if (smallBytes + chunk.length > maxMessageBytes) flush();
    small.push(chunk);
    smallBytes += chunk.length;
  }
  flush();
  return messages;
}
