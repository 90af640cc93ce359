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
/** A payload of this size or more is not copied into the frame. */
const copyLimitBytes = 16_384;

export interface Outbox {
  /** True while the reader has not taken `maxBufferedBytes`. */
  readonly isBehind: boolean;
  /** Sends a whole message. */
  send(text: string): void;
  /** Sends a message in three parts, of which the middle one may be shared with other sockets. */
  sendParts(before: Buffer, payload: Buffer, after: Buffer): void;
  close(): void;
}

export function createOutbox(options: {
  socket: Duplex;
  flusher: Flusher;
  maxBufferedBytes: number;
  onDrain: () => void;
}): Outbox {
  const { socket, flusher, maxBufferedBytes } = options;
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  let lastWriteMs = 0;
  let isClosed = false;
  let wasBehind = false;

  const flush = () => {
    if (isClosed || gathered.length === 0) return;
    const parts = gathered;
    gathered = [];
    const bytes = gatheredBytes;
    gatheredBytes = 0;
    lastWriteMs = flusher.now();
    if (parts.length === 1) socket.write(parts[0]);
    else if (bytes <= 4 * copyLimitBytes) socket.write(Buffer.concat(parts, bytes));
    else {
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    }
  };
  const gather = (...parts: Buffer[]) => {
    if (isClosed) return;
    const isFirst = gathered.length === 0;
    for (const part of parts) {
      gathered.push(part);
      gatheredBytes += part.byteLength;
    }
    if (!isFirst) return;
    if (flusher.now() - lastWriteMs < flushEveryMs) flusher.later(flush);
    else flush();
  };
  const onDrain = () => {
    if (!wasBehind) return;
    wasBehind = false;
    options.onDrain();
  };
  socket.on('drain', onDrain);

  return {
    get isBehind() {
      wasBehind ||= socket.writableLength + gatheredBytes > maxBufferedBytes;
      return wasBehind;
    },
    send(text) {
      const payload = Buffer.from(text);
      gather(frame(payload.byteLength, [payload]));
    },
    sendParts(before, payload, after) {
      const bytes = before.byteLength + payload.byteLength + after.byteLength;
      if (bytes < copyLimitBytes) gather(frame(bytes, [before, payload, after]));
      else gather(frame(bytes, [before]), payload, after);
    },
    close() {
      flush();
      isClosed = true;
      socket.off('drain', onDrain);
    },
  };
}

/** A frame's header for a text of `textBytes`, followed by these parts of it. */
function frame(textBytes: number, parts: readonly Buffer[]): Buffer {
  const headerBytes = textBytes < 126 ? 2 : textBytes < 65_536 ? 4 : 10;
  let bytes = headerBytes;
  for (const part of parts) bytes += part.byteLength;
  const whole = Buffer.allocUnsafe(bytes);
  whole[0] = 0x81;
  if (headerBytes === 2) whole[1] = textBytes;
  else if (headerBytes === 4) {
    whole[1] = 126;
    whole.writeUInt16BE(textBytes, 2);
  } else {
    whole[1] = 127;
    whole.writeUInt32BE(Math.floor(textBytes / 2 ** 32), 2);
    whole.writeUInt32BE(textBytes >>> 0, 6);
  }
  let at = headerBytes;
  for (const part of parts) {
    part.copy(whole, at);
    at += part.byteLength;
  }
  return whole;
}

/** One timer for the flushes of all sockets. */
export interface Flusher {
  now(): number;
  later(flush: () => void): void;
  close(): void;
}

export function createFlusher(): Flusher {
  let waiting: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  return {
    now: () => performance.now(),
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
