/**
 * The socket of one leg, taken over from the HTTP server that answered its upgrade, so that it reads into memory of our
 * choice. The option for that (`onread`, documented for `net.Socket`) can be given only when a socket is made; so one is
 * made on the old one's handle. That handle is the single part of Node.js used here that is not documented; a socket
 * without one is used as it is, with its `data` events.
 *
 * Who owns which memory: a busy leg has a buffer of its own. When all that was made of a read has been taken by the kernel,
 * the next read goes into the same buffer; when some of it waits, the buffer is lent to whoever waits, and comes back once
 * nothing waits any more. A leg whose reads are small gives its buffer back and shares one with all idle legs; from there
 * bytes are copied.
 */
import { Socket } from 'node:net';
import { giveBuffer, sharedBuffer, takeBuffer } from './buffers.ts';

/** A read of at least this much makes a leg busy, one below a quarter of it idle. */
const busyBytes = 8_192;

export interface LegReader {
  /** Takes a chunk, which it may change. False when some of it still waits to be written: the memory is in use. */
  read(chunk: Buffer): boolean;
  /** Whether nothing waits any more of what was made of earlier reads. */
  hasLeft(): boolean;
}

export interface LegSocket {
  socket: Socket;
  /** What had been read before: it comes first. */
  early: Buffer[];
  /** Gives lent memory back that is not in use any more; call it now and then. */
  tidy(): void;
}

type WithHandle = Socket & { _handle: object | null };

/** From here on the old socket is dead. `reader` is called in later turns. */
export function takeOver(old: Socket, head: Buffer, reader: LegReader): LegSocket {
  const early = [head, ...drain(old)].filter((chunk) => chunk.length > 0);
  const handle = old.destroyed ? null : (old as WithHandle)._handle;
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
  readonly #reader: LegReader;
  #own: Buffer | undefined;
  #lent: Buffer[] = [];

  constructor(reader: LegReader) {
    this.#reader = reader;
  }

  on(old: WithHandle, handle: object): Omit<LegSocket, 'early'> {
    old.removeAllListeners();
    old.on('error', () => undefined);
    old._handle = null;
    old.destroy();
    const options = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: () => this.#own ?? sharedBuffer,
        callback: (bytes: number, buffer: Uint8Array) => this.#onRead(buffer as Buffer, bytes),
      },
    };
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    socket.on('close', () => this.#release());
    return { socket, tidy: () => this.#tidy() };
  }

  #onRead(buffer: Buffer, bytes: number): boolean {
    this.#tidy();
    if (buffer === sharedBuffer) {
      this.#reader.read(Buffer.from(buffer.subarray(0, bytes)));
      if (bytes >= busyBytes) this.#own = takeBuffer();
      return true;
    }
    const hasLeft = this.#reader.read(buffer.subarray(0, bytes));
    const isBusy = bytes >= busyBytes / 4;
    if (!hasLeft) this.#lent.push(buffer);
    else if (!isBusy) giveBuffer(buffer);
    if (!isBusy) this.#own = undefined;
    else if (!hasLeft) this.#own = takeBuffer();
    return true;
  }

  #tidy(): void {
    if (this.#lent.length === 0 || !this.#reader.hasLeft()) return;
    for (const buffer of this.#lent) giveBuffer(buffer);
    this.#lent = [];
  }

  /** The kernel may still write from lent memory: that is left to the collector. */
  #release(): void {
    if (this.#own) giveBuffer(this.#own);
    this.#own = undefined;
    this.#lent = [];
  }
}
