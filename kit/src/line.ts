/**
 * A line: bytes both ways, without the buffers and copies of a stream. Who reads is handed chunks, and is done with each
 * when it returns; who writes puts bytes together in memory of the line's, and what one turn of the event loop has put
 * together leaves in one piece. For processes that pass much on and keep nothing.
 */
import type { Socket } from 'node:net';
import { type TakenSocket, takeOver } from './own-memory.ts';

export interface LineHandlers {
  /** A chunk, which may be changed, and is somebody else's when this returns. */
  onData(chunk: Buffer): void;
  /** The other side sends no more. */
  onEnd(): void;
  /** What waited has left: called after `isFull` was true. */
  onDrain(): void;
  /** Once, at the end of everything. Without an error when both sides had ended. */
  onClose(err?: Error): void;
}

export interface Line {
  /** Who reads. Call it once, in the turn in which the line was made, so that nothing is missed. */
  attach(handlers: LineHandlers): void;
  /** Room for up to `maxPieceBytes`, to be filled before anything else is written. */
  reserve(bytes: number): Buffer;
  /** Copies. */
  write(bytes: Uint8Array): void;
  /** Bytes wait for the other side to read: write no more until `onDrain`. */
  readonly isFull: boolean;
  readonly waitingBytes: number;
  /**
   * Half-close. What was written goes first; `then` is called when all of it has left. Ending twice does nothing, and what is
   * written after it is dropped.
   */
  end(then?: () => void): void;
  /** What is left of the chunk at hand still comes. */
  pause(): void;
  resume(): void;
  /** Cuts at once. */
  destroy(err?: Error): void;
}

/** Two pieces and their headers. */
const bufferBytes = 139_264;
/** The largest piece. */
export const maxPieceBytes = 65_536;
/** More than this leaves at once. */
const flushBytes = 65_536;
/** Free buffers that are kept: 4 MiB. */
const maxFree = 30;
const free: Buffer[] = [];

export interface OutboxOptions {
  /** Bytes that `send` may write before a piece. */
  headroom: number;
  /** Sends a part of the memory. */
  send(memory: Buffer, begin: number, end: number): void;
  /** All that was sent has been taken by the kernel. */
  isClear(): boolean;
}

/**
 * Gathers what is written in one turn. Memory that is still being sent from is kept until nothing waits; then all of it
 * goes back, so that an idle line has none.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #memory: Buffer | undefined;
  #begin = 0;
  #end = 0;
  #lent: Buffer[] = [];
  #isDue = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Bytes that have not been sent yet. */
  get heldBytes(): number {
    return this.#end - this.#begin;
  }

  /** Throws RangeError above `maxPieceBytes`. */
  reserve(bytes: number): Buffer {
    if (bytes > maxPieceBytes) throw new RangeError(`expected at most ${maxPieceBytes} bytes, got ${bytes}`);
    if (this.heldBytes >= flushBytes || this.#end + bytes > bufferBytes) this.flush();
    const { headroom } = this.#options;
    if (this.heldBytes === 0) {
      if (this.#end + headroom + bytes > bufferBytes) this.#lend();
      this.#begin = this.#end + headroom;
      this.#end = this.#begin;
    }
    this.#memory ??= free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    const begin = this.#end;
    this.#end += bytes;
    this.#flushSoon();
    return this.#memory.subarray(begin, this.#end);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += maxPieceBytes) {
      const part = bytes.subarray(at, at + maxPieceBytes);
      this.reserve(part.length).set(part);
    }
  }

  flush(): void {
    if (this.#memory && this.heldBytes > 0) {
      const begin = this.#begin;
      this.#begin = this.#end;
      this.#options.send(this.#memory, begin, this.#end);
    }
    if (!this.#options.isClear()) return;
    this.#lend();
    for (const memory of this.#lent) if (free.length < maxFree) free.push(memory);
    this.#lent = [];
  }

  #flushSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    process.nextTick(() => {
      this.#isDue = false;
      this.flush();
    });
  }

  #lend(): void {
    if (this.#memory) this.#lent.push(this.#memory);
    this.#memory = undefined;
    this.#begin = 0;
    this.#end = 0;
  }
}

/** Takes a socket over for `onChunk`; from here on the old one is dead, and the new one waits for `resume`. */
export function takeForLine(from: Socket, head: Buffer, onChunk: (chunk: Buffer) => void): TakenSocket {
  return takeOver(from, head, {
    read: (chunk) => {
      onChunk(chunk);
      return true;
    },
    isDone: () => true,
  });
}

/** A line on a connected socket, which is this line's from now on. */
export class SocketLine implements Line {
  readonly #taken: TakenSocket;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  #handlers: LineHandlers | undefined;
  #err: Error | undefined;

  constructor(from: Socket) {
    this.#taken = takeForLine(from, Buffer.alloc(0), (chunk) => this.#handlers?.onData(chunk));
    const { socket } = this.#taken;
    this.#socket = socket;
    this.#outbox = new Outbox({
      headroom: 0,
      send: (memory, begin, end) => {
        if (!socket.destroyed && !socket.writableEnded) socket.write(memory.subarray(begin, end));
      },
      isClear: () => socket.writableLength === 0,
    });
    socket.on('end', () => this.#handlers?.onEnd());
    socket.on('drain', () => {
      this.#outbox.flush();
      this.#handlers?.onDrain();
    });
    socket.on('error', (err) => {
      this.#err ??= err;
    });
    socket.on('close', () => this.#handlers?.onClose(this.#err));
  }

  attach(handlers: LineHandlers): void {
    this.#handlers = handlers;
    this.#socket.resume();
    const early = this.#taken.early.splice(0);
    // Before anything that the new socket reads.
    process.nextTick(() => {
      for (const chunk of early) handlers.onData(chunk);
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
    if (!this.#socket.writableEnded) this.#socket.end(then);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(err?: Error): void {
    this.#err ??= err;
    this.#socket.destroy();
  }
}
