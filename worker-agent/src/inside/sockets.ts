/** The agent's end of the connections of `./messages.ts`: a unix socket in a folder that the inside sees too. */
import { timingSafeEqual } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { decode } from '@easel/schema/wire/codec';
import { CONTROL_STREAM, LISTENER_STREAM } from './constants.ts';
import { firstLine } from './line.ts';
import { type ConnectionLine, connectionLineSchema } from './messages.ts';

/** Connections that have not said yet what they are: more are cut at once. A burst of 256 processes dials 768. */
const maxUnnamed = 2_048;
/** All connections of one environment. */
const maxConnections = 8_192;
const connectionLineLimits = { maxBytes: 1_024, limitMs: 10_000 };

type TakeConnection = (stream: Socket, from: { host: string; port: number }) => void;

export class InsideSockets {
  readonly #server: Server;
  readonly #path: string;
  readonly #secret: Buffer;
  readonly #log: Log;
  readonly #open = new Set<Socket>();
  readonly #awaited = new Map<string, (socket: Socket) => void>();
  readonly #listeners = new Map<number, TakeConnection>();
  #unnamed = 0;

  constructor(path: string, secret: string, log: Log) {
    this.#path = path;
    this.#secret = Buffer.from(secret);
    this.#log = log;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#take(socket));
  }

  /** Throws an error of the system when the path is too long or not ours. */
  async open(): Promise<void> {
    rmSync(this.#path, { force: true });
    const listening = new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.once('listening', resolve);
    });
    // For everybody, as the user inside is another one than the agent's, and the secret decides. Never by chmod: the folder
    // may be that user's, and a link put there meanwhile would open up whatever it points to. The socket is made at once.
    const mask = process.umask(0);
    this.#server.listen(this.#path);
    process.umask(mask);
    await listening;
    this.#server.on('error', (err) => this.#log.warn({ err }, 'inside socket failed'));
  }

  /** The connection that will carry this stream. `forget` makes a later arrival a stranger. */
  expect(stream: string): { socket: Promise<Socket>; forget: () => void } {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    this.#awaited.set(stream, resolve);
    return { socket: promise, forget: () => void this.#awaited.delete(stream) };
  }

  addListener(listener: number, take: TakeConnection): void {
    this.#listeners.set(listener, take);
  }

  removeListener(listener: number): void {
    this.#listeners.delete(listener);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    this.#awaited.clear();
    this.#listeners.clear();
    rmSync(this.#path, { force: true });
  }

  async #take(socket: Socket): Promise<void> {
    if (this.#unnamed >= maxUnnamed || this.#open.size >= maxConnections) return void socket.destroy();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    socket.on('error', () => socket.destroy());
    this.#unnamed++;
    try {
      const line = decode(connectionLineSchema, await firstLine(socket, connectionLineLimits));
      if (!this.#isOurs(line.secret) || !this.#hand(socket, line)) socket.destroy();
    } catch (err) {
      this.#log.debug({ err }, 'inside connection refused');
      socket.destroy();
    } finally {
      this.#unnamed--;
    }
  }

  #isOurs(secret: string): boolean {
    const said = Buffer.from(secret);
    return said.length === this.#secret.length && timingSafeEqual(said, this.#secret);
  }

  #hand(socket: Socket, { stream, from }: ConnectionLine): boolean {
    if (stream.startsWith(LISTENER_STREAM)) {
      const take = this.#listeners.get(Number(stream.slice(LISTENER_STREAM.length)));
      take?.(socket, from ?? { host: '127.0.0.1', port: 0 });
      return take !== undefined;
    }
    const resolve = this.#awaited.get(stream);
    this.#awaited.delete(stream);
    resolve?.(socket);
    return resolve !== undefined;
  }
}

/** Waits for the helper's first connection. Throws TIMED_OUT. */
export async function controlConnection(sockets: InsideSockets, limitMs: number): Promise<Socket> {
  const { socket, forget } = sockets.expect(CONTROL_STREAM);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `the helper inside did not call back in ${limitMs / 1000} s`;
    late.reject(new AppError({ code: 'TIMED_OUT', message }));
  }, limitMs);
  try {
    return await Promise.race([socket, late.promise]);
  } finally {
    clearTimeout(timer);
    forget();
  }
}
