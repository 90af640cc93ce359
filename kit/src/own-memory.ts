/**
 * Sockets that read into memory of our choice. By itself Node.js makes a new 64 KiB for each read, and the collector then
 * runs for the sake of that memory alone: half the CPU of a busy relay.
 *
 * The option for it (`onread`, documented for `net.Socket`) can be given only when a socket is made, so one is made on the
 * handle of the socket that a server or a client gave us. That handle is the single part of Node.js used here that is not
 * documented; a socket of another kind (TLS) is used as it is, with its `data` events.
 *
 * Who owns which memory: a busy socket has a buffer of its own. When its reader is done with a chunk, the next read goes
 * into the same buffer; when the reader still needs it, the buffer is lent, and comes back once the reader says that nothing
 * is in use. A socket whose reads are small gives its buffer back and shares one with all idle ones; from there bytes are
 * copied.
 */
import { Socket } from 'node:net';

/** As much as libuv reads at a time. */
const bufferBytes = 65_536;
/** Free buffers that are kept: 4 MiB. */
const maxFree = 64;
/** A read of at least this much makes a socket busy, one below a quarter of it idle. */
const busyBytes = 8_192;

const free: Buffer[] = [];
/** Idle sockets read into it; only for the length of one call. */
const shared = Buffer.allocUnsafeSlow(bufferBytes);

/** A buffer of 64 KiB. */
export function takeBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
}

/** Takes back a buffer that nobody reads or writes any more. */
export function giveBuffer(buffer: Buffer): void {
  if (free.length < maxFree) free.push(buffer);
}

export interface ChunkReader {
  /** Takes a chunk, which it may change. True when it is done with the memory. */
  read(chunk: Buffer): boolean;
  /** Whether it is done with all chunks so far. */
  isDone(): boolean;
}

export interface TakenSocket {
  socket: Socket;
  /** What had been read before: it comes first. */
  early: Buffer[];
  /** Takes lent memory back that is not in use any more; call it now and then. */
  tidy(): void;
}

type WithHandle = Socket & { _handle: object | null };

/** From here on the old socket is dead. `reader` is called in later turns. The new one is paused by `pause()` as any. */
export function takeOver(old: Socket, head: Buffer, reader: ChunkReader): TakenSocket {
  const early = [head, ...drain(old)].filter((chunk) => chunk.length > 0);
  const handle = old.constructor === Socket && !old.destroyed ? (old as WithHandle)._handle : null;
  if (handle) return { ...new OwnMemory(reader).on(old as WithHandle, handle), early };
  old.on('data', (chunk: Buffer) => reader.read(chunk));
  return { socket: old, early, tidy: () => undefined };
}

function drain(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk);
  return chunks;
}

class OwnMemory {
  readonly #reader: ChunkReader;
  #own: Buffer | undefined;
  #lent: Buffer[] = [];

  constructor(reader: ChunkReader) {
    this.#reader = reader;
  }

  on(old: WithHandle, handle: object): Omit<TakenSocket, 'early'> {
    old.removeAllListeners();
    old.on('error', () => undefined);
    old._handle = null;
    old.destroy();
    const options = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: () => this.#own ?? shared,
        callback: (bytes: number, buffer: Uint8Array) => this.#onRead(buffer as Buffer, bytes),
      },
    };
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    socket.on('close', () => this.#release());
    return { socket, tidy: () => this.#tidy() };
  }

  #onRead(buffer: Buffer, bytes: number): boolean {
    this.#tidy();
    if (buffer === shared) {
      this.#reader.read(Buffer.from(buffer.subarray(0, bytes)));
      if (bytes >= busyBytes) this.#own = takeBuffer();
      return true;
    }
    const isDone = this.#reader.read(buffer.subarray(0, bytes));
    const isBusy = bytes >= busyBytes / 4;
    if (!isDone) this.#lent.push(buffer);
    else if (!isBusy) giveBuffer(buffer);
    if (!isBusy) this.#own = undefined;
    else if (!isDone) this.#own = takeBuffer();
    return true;
  }

  #tidy(): void {
    if (this.#lent.length === 0 || !this.#reader.isDone()) return;
    for (const buffer of this.#lent) giveBuffer(buffer);
    this.#lent = [];
  }

  /** What is lent may still be in use: it is left to the collector. */
  #release(): void {
    if (this.#own) giveBuffer(this.#own);
    this.#own = undefined;
    this.#lent = [];
  }
}
