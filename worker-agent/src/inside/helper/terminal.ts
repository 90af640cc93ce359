/**
 * A process on a pseudo-terminal, tied to one connection both ways. The native part of node-pty forks; reading is libuv's;
 * writing is our own, because libuv writes to a terminal's master in a busy loop when the program does not read.
 * The terminal's stream ends when the last process that holds it has gone, which the kernel sees to: the death of a session
 * leader hangs up on the others.
 */
import { write } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { Terminal } from '../messages.ts';
import { withModes } from './terminal-modes.ts';

/** As node-pty 1.1 exports it. */
interface NativePty {
  fork(
    file: string,
    args: string[],
    env: string[],
    cwd: string,
    columns: number,
    rows: number,
    uid: number,
    gid: number,
    isUtf8: boolean,
    spawnHelper: string,
    onExit: (code: number, signal: number) => void,
  ): { fd: number; pid: number; pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

let native: NativePty | undefined;
function loadNative(): NativePty {
  native ??= createRequire(import.meta.url)(join(dirname(import.meta.filename), 'pty.node')) as NativePty;
  return native;
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
/** Largest window that the kernel keeps: its fields are unsigned shorts. */
const maxWindow = 65_535;
/** Between two tries to write to a terminal whose program does not read. */
const retryMs = 10;

export interface TerminalOptions {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  terminal: Terminal;
  connection: Socket;
  onExit: (code: number | null, signal: string | null) => void;
}

export function forkTerminal(options: TerminalOptions): {
  pid: number;
  resize(columns: number, rows: number): void;
} {
  const { connection, terminal } = options;
  const [file, ...args] = withModes(options.argv, terminal.modes ?? {}) as [string, ...string[]];
  const env = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const onExit = (code: number, signal: number) => {
    if (signal === 0) options.onExit(code, null);
    else options.onExit(null, signalNames.get(signal) ?? `SIG${signal}`);
  };
  const columns = within(terminal.columns, 80);
  const rows = within(terminal.rows, 24);
  const { fd, pid } = loadNative().fork(file, args, env, options.cwd, columns, rows, -1, -1, true, '', onExit);
  let isOpen = true;
  tie(fd, connection, () => {
    isOpen = false;
  });
  return {
    pid,
    resize: (newColumns, newRows) => {
      if (isOpen) loadNative().resize(fd, within(newColumns, 80), within(newRows, 24));
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
