/**
 * A line over a WebSocket that this side has dialled, as `@easel/schema/wire/relay` writes it down. Like `streamSocket`, and
 * for those who pass much on: frames are read as they come and never put together, and are written with a mask of zeros,
 * in one piece with their bytes.
 *
 * States: open → one side has ended, or both have → closed. Both ended: close frame 1000, nothing is lost. Anything else is
 * a reset. Frames that a server may not send (RFC 6455 §5.1, §5.2) are answered with 1002.
 */
import type { Socket } from 'node:net';
import { STREAM_END } from '@easel/schema/wire/relay';
import { type Line, type LineHandlers, Outbox, takeForLine } from './line.ts';
import type { TakenSocket } from './own-memory.ts';
import { StreamReset } from './stream-socket.ts';

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** Two bytes, eight of length, four of mask. */
const maxHeaderBytes = 14;
/** RFC 6455 §5.5; no text of the protocol is longer either. */
const maxSmallBytes = 125;
/** How long the other side may take to answer a close frame. */
const closeLimitMs = 2_000;

export class FrameLine implements Line {
  readonly #taken: TakenSocket;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reader = new FrameReader();
  #handlers: LineHandlers | undefined;
  #hasSaidEnd = false;
  /** Our end has left the process. */
  #hasEnded = false;
  #hasPeerEnded = false;
  #hasSentClose = false;
  #isOver = false;
  #failure: Error | undefined;

  /** `from` has just been upgraded; `head` came right behind the answer. */
  constructor(from: Socket, head: Buffer) {
    this.#taken = takeForLine(from, head, (chunk) => this.#onChunk(chunk));
    const { socket } = this.#taken;
    this.#socket = socket;
    this.#outbox = new Outbox({
      headroom: maxHeaderBytes,
      send: (memory, begin, end) => this.#sendBinary(memory, begin, end),
      isClear: () => socket.writableLength === 0,
    });
    socket.setNoDelay(true);
    socket.on('end', () => this.#lose(new StreamReset(1006, 'the line was cut')));
    socket.on('drain', () => {
      this.#outbox.flush();
      this.#handlers?.onDrain();
    });
    socket.on('error', (cause) => this.#lose(new StreamReset(1006, cause.message, { cause })));
    socket.on('close', () => {
      const isWhole = this.#hasEnded && this.#hasPeerEnded;
      this.#finish(isWhole ? undefined : (this.#failure ?? new StreamReset(1006, 'the line was cut')));
    });
  }

  attach(handlers: LineHandlers): void {
    this.#handlers = handlers;
    this.#socket.resume();
    const early = this.#taken.early.splice(0);
    // Before anything that the new socket reads.
    process.nextTick(() => {
      for (const chunk of early) this.#onChunk(chunk);
    });
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength > 0;
  }

  get waitingBytes(): number {
    return this.#socket.writableLength + this.#outbox.heldBytes;
  }

  reserve(bytes: number): Buffer {
    return this.#outbox.reserve(bytes);
  }

  write(bytes: Uint8Array): void {
    this.#outbox.write(bytes);
  }

  end(then?: () => void): void {
    this.#outbox.flush();
    if (this.#hasSaidEnd || !this.#mayWrite()) return;
    this.#hasSaidEnd = true;
    this.#socket.write(frame(opcodes.text, Buffer.from(STREAM_END)), (err) => {
      if (err) return;
      this.#hasEnded = true;
      this.#closeWhenOver();
      then?.();
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(err?: Error): void {
    this.#lose(err ?? new StreamReset(1001, 'given up here'), err ? 1011 : 1001);
  }

  #onChunk(chunk: Buffer): void {
    if (this.#failure) return;
    this.#reader.read(chunk, {
      onBytes: (bytes) => {
        if (this.#hasPeerEnded) this.#lose(new StreamReset(1002, 'the other side went on after its end'), 1002);
        else if (!this.#failure) this.#handlers?.onData(bytes);
      },
      onSmall: (opcode, payload) => this.#onSmall(opcode, payload),
      onWrong: (reason) => this.#lose(new StreamReset(1002, reason), 1002),
    });
  }

  /** A control frame, or a text. */
  #onSmall(opcode: number, payload: Buffer): void {
    if (this.#failure) return;
    if (opcode === opcodes.ping) this.#sendFrame(opcodes.pong, payload);
    else if (opcode === opcodes.close) this.#onCloseFrame(payload);
    else if (opcode === opcodes.text) {
      if (payload.toString() !== STREAM_END || this.#hasPeerEnded) {
        this.#lose(new StreamReset(1003, 'the other side sent text that is not an end'), 1003);
        return;
      }
      this.#hasPeerEnded = true;
      this.#handlers?.onEnd();
      this.#closeWhenOver();
    }
  }

  #onCloseFrame(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
    if (this.#hasEnded && this.#hasPeerEnded) {
      this.#close(1000);
      return;
    }
    this.#lose(new StreamReset(code, payload.subarray(2).toString()), code === 1005 ? 1000 : code);
  }

  #closeWhenOver(): void {
    if (this.#hasEnded && this.#hasPeerEnded) this.#close(1000);
  }

  #lose(err: Error, code = 1001): void {
    if (this.#hasEnded && this.#hasPeerEnded) {
      this.#socket.destroy();
      return;
    }
    if (this.#failure) return;
    this.#failure = err;
    process.nextTick(() => this.#finish(err));
    this.#close(code);
  }

  #finish(err?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handlers?.onClose(err);
  }

  /** Says goodbye once, then ends the socket, and cuts it when the other side does not. */
  #close(code: number): void {
    if (this.#hasSentClose) return;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#sendFrame(opcodes.close, payload);
    this.#hasSentClose = true;
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), closeLimitMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #sendBinary(memory: Buffer, begin: number, end: number): void {
    if (this.#hasSaidEnd || !this.#mayWrite()) return;
    const length = end - begin;
    const headerBytes = headerBytesOf(length);
    writeHeader(memory, begin - headerBytes, opcodes.binary, length);
    this.#socket.write(memory.subarray(begin - headerBytes, end));
  }

  #sendFrame(opcode: number, payload: Buffer): void {
    if (this.#mayWrite()) this.#socket.write(frame(opcode, payload));
  }

  #mayWrite(): boolean {
    return !this.#hasSentClose && !this.#socket.destroyed && !this.#socket.writableEnded;
  }
}

function headerBytesOf(length: number): number {
  return length < 126 ? 6 : length < 65_536 ? 8 : maxHeaderBytes;
}

/** Masked with zeros: as a client must, and free of charge. */
function writeHeader(memory: Buffer, at: number, opcode: number, length: number): void {
  const bytes = headerBytesOf(length);
  memory[at] = 0x80 | opcode;
  if (bytes === 6) memory[at + 1] = 0x80 | length;
  else if (bytes === 8) {
    memory[at + 1] = 0x80 | 126;
    memory.writeUInt16BE(length, at + 2);
  } else {
    memory[at + 1] = 0x80 | 127;
    memory.writeUInt32BE(Math.floor(length / 2 ** 32), at + 2);
    memory.writeUInt32BE(length >>> 0, at + 6);
  }
  memory.writeUInt32BE(0, at + bytes - 4);
}

function frame(opcode: number, payload: Buffer): Buffer {
  const headerBytes = headerBytesOf(payload.length);
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  writeHeader(bytes, 0, opcode, payload.length);
  payload.copy(bytes, headerBytes);
  return bytes;
}

interface FrameHandlers {
  onBytes(bytes: Buffer): void;
  onSmall(opcode: number, payload: Buffer): void;
  onWrong(reason: string): void;
}

/** Reads a server's frames. States: header (its bytes gathered one by one) → payload, passed on or gathered → header. */
class FrameReader {
  readonly #header = Buffer.alloc(10);
  #headerBytes = 0;
  #opcode = 0;
  /** Payload bytes still to come. */
  #left = 0;
  /** Inside a message in fragments. */
  #isFragmented = false;
  /** The payload of a small frame. */
  #gathered: Buffer[] | undefined;

  read(chunk: Buffer, handlers: FrameHandlers): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left === 0) {
        const wrong = this.#takeHeaderByte(chunk[at++]!);
        if (wrong) {
          handlers.onWrong(wrong);
          return;
        }
        if (this.#headerBytes === 0 && this.#left === 0) this.#finish(handlers);
        continue;
      }
      const part = chunk.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#gathered) this.#gathered.push(Buffer.from(part));
      else handlers.onBytes(part);
      if (this.#left === 0) this.#finish(handlers);
    }
  }

  /** Gives what is wrong with the header. `#headerBytes` is 0 again once it is whole. */
  #takeHeaderByte(byte: number): string | undefined {
    this.#header[this.#headerBytes++] = byte;
    if (this.#headerBytes < 2) return undefined;
    const [first = 0, second = 0] = this.#header;
    const short = second & 0x7f;
    if (this.#headerBytes === 2 && (second & 0x80) !== 0) return 'a server masks nothing';
    if (this.#headerBytes < (short === 127 ? 10 : short === 126 ? 4 : 2)) return undefined;
    this.#headerBytes = 0;
    const length =
      short === 127 ? Number(this.#header.readBigUInt64BE(2)) : short === 126 ? this.#header.readUInt16BE(2) : short;
    return this.#begin(first, length);
  }

  #begin(first: number, length: number): string | undefined {
    const isFinal = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    const isControl = opcode >= opcodes.close;
    if ((first & 0x70) !== 0 || opcode > opcodes.pong || (opcode > opcodes.binary && !isControl))
      return 'an unknown frame';
    if (isControl && (!isFinal || length > maxSmallBytes)) return 'a control frame that is none';
    if (opcode === opcodes.text && (!isFinal || length > maxSmallBytes)) return 'a text that is no end';
    if (!isControl && (opcode === opcodes.continuation) !== this.#isFragmented) return 'fragments out of order';
    if (!isControl) this.#isFragmented = !isFinal;
    this.#opcode = opcode;
    this.#left = length;
    this.#gathered = isControl || opcode === opcodes.text ? [] : undefined;
    return undefined;
  }

  #finish(handlers: FrameHandlers): void {
    const gathered = this.#gathered;
    this.#gathered = undefined;
    if (gathered) handlers.onSmall(this.#opcode, Buffer.concat(gathered));
  }
}
