/**
 * A process on a pseudo-terminal, tied to one connection both ways.
 *
 * The native part of node-pty opens the terminal and sets its size; the process is started as every other one, in a session
 * of its own, through a shell that takes the terminal for its session's and sets its modes. (node-pty's own fork leaves the
 * masters of all other terminals open in the child, which keeps those from being hung up on.) Reading is libuv's; writing is
 * our own, because libuv writes to a master in a busy loop when the program does not read. The stream ends when the last
 * process that holds the terminal has gone, which the kernel sees to: the death of a session leader hangs up on the others.
 */
import { close, write } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { PACK } from '../pack/layout.ts';

/** As node-pty 1.1 exports it. */
interface NativePty {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

let native: NativePty | undefined;
function loadNative(): NativePty {
  native ??= createRequire(import.meta.url)(join(dirname(import.meta.filename), PACK.pty)) as NativePty;
  return native;
}

/** Largest window that the kernel keeps: its fields are unsigned shorts. */
const maxWindow = 65_535;
/** Between two tries to write to a terminal whose program does not read. */
const retryMs = 10;

/** Descriptors of open terminals. They would be inherited: whoever starts a process must cover them. */
const descriptors = new Set<number>();
export const openTerminals: ReadonlySet<number> = descriptors;

export interface Terminal {
  /** For the child's standard streams; give `started` a call once it has them. */
  readonly slave: number;
  /** `/dev/pts/3` */
  readonly path: string;
  /** Closes the slave here, so that the terminal ends with the child's. */
  started(): void;
  resize(columns: number, rows: number): void;
}

/** Opens a terminal. It lives until its processes or the connection have gone. */
export function openTerminal(size: { columns: number; rows: number }, connection: Socket): Terminal {
  const { master, slave, pty } = loadNative().open(within(size.columns, 80), within(size.rows, 24));
  let isOpen = true;
  let isStarted = false;
  descriptors.add(master).add(slave);
  tie(master, connection, () => {
    isOpen = false;
    descriptors.delete(master);
  });
  return {
    slave,
    path: pty,
    started() {
      if (isStarted) return;
      isStarted = true;
      descriptors.delete(slave);
      close(slave, () => undefined);
    },
    resize: (columns, rows) => {
      if (isOpen) loadNative().resize(master, within(columns, 80), within(rows, 24));
    },
  };
}

function within(count: number, instead: number): number {
  return count >= 1 ? Math.min(Math.floor(count), maxWindow) : instead;
}

function tie(fd: number, connection: Socket, onClosed: () => void): void {
  const output = new ReadStream(fd);
  const input = new MasterWriter(fd);
  // EIO is how a terminal without processes ends.
  output.on('error', () => output.destroy());
  output.once('close', () => {
    onClosed();
    connection.end();
    input.destroy();
  });
  output.pipe(connection, { end: false });
  connection.pipe(input, { end: false });
  const hangUp = () => {
    input.destroy();
    // The descriptor's number must not be given to somebody else while a write to it is under way.
    input.idle(() => output.destroy());
  };
  connection.once('end', hangUp).once('close', hangUp);
}

class MasterWriter extends Writable {
  readonly #fd: number;
  #isWriting = false;
  #onIdle: (() => void) | undefined;

  constructor(fd: number) {
    super({ highWaterMark: 16_384 });
    this.#fd = fd;
    this.on('error', () => this.destroy());
  }

  /** Calls back when no write is under way, and none will be: only after `destroy`. */
  idle(then: () => void): void {
    if (this.#isWriting) this.#onIdle = then;
    else then();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (err?: Error | null) => void): void {
    this.#put(chunk, done);
  }

  #put(chunk: Buffer, done: (err?: Error | null) => void): void {
    if (this.destroyed) {
      done();
      return;
    }
    this.#isWriting = true;
    write(this.#fd, chunk, 0, chunk.length, null, (err, written) => {
      this.#isWriting = false;
      this.#onIdle?.();
      if (err?.code === 'EAGAIN') setTimeout(() => this.#put(chunk, done), retryMs);
      else if (err) done(err);
      else if (written < chunk.length) this.#put(chunk.subarray(written), done);
      else done();
    });
  }
}
