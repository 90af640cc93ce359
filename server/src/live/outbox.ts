/**
 * What goes out on one socket. A payload that many sockets get is serialised once and framed here with the socket's own
 * operation id; frames that follow each other quickly leave in one write, since under load the writes are what costs.
 *
 * Frames are made by hand (RFC 6455 §5.2: one unmasked text frame) and written to the connection beneath `ws`, which
 * writes its own frames whole and at once as long as no compression is negotiated: it must be off. A reader who does not
 * take what was written is `isBehind`; nothing more may be sent before `onDrain`.
 */
import type { Duplex } from 'node:stream';

/** Written at once when the last write is longer ago; else gathered until the next flush. */
const flushEveryMs = 25;
/** Gathered messages of up to this size together leave as one buffer, more as a list of buffers. */
const concatLimitBytes = 65_536;

export class Outbox {
  readonly #socket: Duplex;
  readonly #flusher: Flusher;
  readonly #maxBufferedBytes: number;
  readonly #onDrain: () => void;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #lastWriteMs = Number.NEGATIVE_INFINITY;
  #isBehind = false;
  #isClosed = false;

  constructor(options: { socket: Duplex; flusher: Flusher; maxBufferedBytes: number; onDrain: () => void }) {
    this.#socket = options.socket;
    this.#flusher = options.flusher;
    this.#maxBufferedBytes = options.maxBufferedBytes;
    this.#onDrain = options.onDrain;
    this.#socket.on('drain', this.#drained);
  }

  /** True while the reader has not taken `maxBufferedBytes`. */
  get isBehind(): boolean {
    if (!this.#isBehind) this.#isBehind = this.#socket.writableLength + this.#gatheredBytes > this.#maxBufferedBytes;
    return this.#isBehind;
  }

  /** Sends a whole message. */
  send(text: string): void {
    this.sendParts(NOTHING, Buffer.from(text));
  }

  /**
   * Sends a message in two parts, of which the second may be shared with other sockets: it is never copied for one of
   * them, for the memory that copies take is what a broadcast costs most.
   */
  sendParts(head: Buffer, tail: Buffer): void {
    if (this.#isClosed) return;
    const start = frameStart(head, tail.byteLength);
    const nowMs = this.#flusher.now();
    if (this.#gathered.length > 0 || nowMs - this.#lastWriteMs < flushEveryMs) {
      this.#gather(start, tail);
      return;
    }
    this.#lastWriteMs = nowMs;
    this.#socket.cork();
    this.#socket.write(start);
    this.#socket.write(tail);
    this.#socket.uncork();
  }

  /** Writes what was gathered; nothing is sent after it. */
  close(): void {
    this.#flush();
    this.#isClosed = true;
    this.#socket.off('drain', this.#drained);
  }

  #gather(start: Buffer, tail: Buffer): void {
    if (this.#gathered.length === 0) this.#flusher.later(this.#flush);
    this.#gathered.push(start, tail);
    this.#gatheredBytes += start.byteLength + tail.byteLength;
  }

  readonly #flush = (): void => {
    if (this.#isClosed || this.#gathered.length === 0) return;
    const parts = this.#gathered;
    const bytes = this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#lastWriteMs = this.#flusher.now();
    if (bytes <= concatLimitBytes) {
      this.#socket.write(Buffer.concat(parts, bytes));
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  };

  readonly #drained = (): void => {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.#onDrain();
  };
}

const NOTHING = Buffer.alloc(0);

/** A frame's header, for a text of which `head` is the beginning and `tailBytes` more follow, and that beginning. */
function frameStart(head: Buffer, tailBytes: number): Buffer {
  const textBytes = head.byteLength + tailBytes;
  const headerBytes = textBytes < 126 ? 2 : textBytes < 65_536 ? 4 : 10;
  const start = Buffer.allocUnsafe(headerBytes + head.byteLength);
  start[0] = 0x81;
  if (headerBytes === 2) start[1] = textBytes;
  else if (headerBytes === 4) {
    start[1] = 126;
    start[2] = textBytes >> 8;
    start[3] = textBytes & 0xff;
  } else {
    start[1] = 127;
    start.writeUInt32BE(Math.floor(textBytes / 2 ** 32), 2);
    start.writeUInt32BE(textBytes >>> 0, 6);
  }
  start.set(head, headerBytes);
  return start;
}

/** One timer for the flushes of all sockets, and one look at the clock for all of a turn. */
export interface Flusher {
  now(): number;
  later(flush: () => void): void;
  close(): void;
}

export function createFlusher(): Flusher {
  let waiting: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let nowMs: number | undefined;
  const forget = () => {
    nowMs = undefined;
  };
  return {
    now() {
      if (nowMs === undefined) {
        nowMs = performance.now();
        setImmediate(forget);
      }
      return nowMs;
    },
    later(flush) {
      waiting.push(flush);
      timer ??= setTimeout(() => {
        timer = undefined;
        const due = waiting;
        waiting = [];
        for (const run of due) run();
      }, flushEveryMs);
    },
    close() {
      clearTimeout(timer);
      waiting = [];
    },
  };
}
