/**
 * What the rest of the agent sees of the helper that runs inside the environment: who it is, and what it can do there.
 * `./messages.ts` tells how the two talk.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type Duplex, type Readable, Writable } from 'node:stream';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { INSIDE_PROTOCOL } from './constants.ts';
import { Control } from './control.ts';
import { type InsideRequest, listenedSchema, portsSchema } from './messages.ts';
import { controlConnection, InsideSockets } from './sockets.ts';

/** Who the helper, and so everything that it starts, is inside. */
export interface Identity {
  user: string;
  uid: number;
  gid: number;
  home: string;
  shell: string;
}

export interface PtyRequest {
  /** The value of TERM. */
  term: string;
  columns: number;
  rows: number;
  /** Terminal modes by the names of RFC 4254 §8, such as `ECHO`; only what differs from a fresh terminal costs time. */
  modes?: Record<string, number>;
}

export interface SpawnOptions {
  argv: string[];
  /** Where that folder does not exist: the home, else `/`. */
  cwd: string;
  /** Laid over the environment that the helper was started with, which is the image's; the pack's `bin` comes last in PATH. */
  env: Record<string, string>;
  /** Laid under the image's environment. */
  defaults?: Record<string, string>;
  pty?: PtyRequest;
}

export interface InsideProcess {
  /** With a pty its end says nothing to the process: destroy a stream to hang up. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Null with a pty. */
  readonly stderr: Readable | null;
  resize(columns: number, rows: number): void;
  /** To the process group; `name` with or without SIG. Does nothing once the process has ended. */
  signal(name: string): void;
  /** When the process itself has ended; its output may still be read, and its children may still write. */
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
}

export type ConnectTarget = { host: string; port: number } | { path: string };
/** `private`: a socket in a new folder that only the user may enter, named for what it is for; removed when closed. */
export type ListenTarget = ConnectTarget | { private: string };

export interface Listener {
  /** The port that was chosen when 0 was asked for; 0 for a path. */
  readonly port: number;
  /** The path of the socket; empty for a port. */
  readonly path: string;
  close(): Promise<void>;
}

export interface Inside {
  readonly identity: Identity;
  /** Throws NOT_FOUND when the program is not there, FORBIDDEN when it may not be run. */
  spawn(options: SpawnOptions): Promise<InsideProcess>;
  /** Throws PORT_CLOSED. */
  connect(target: ConnectTarget): Promise<Duplex>;
  /** Throws PORT_CLOSED when the port or path cannot be had. */
  listen(
    target: ListenTarget,
    onConnection: (stream: Duplex, from: { host: string; port: number }) => void,
  ): Promise<Listener>;
  /** A fresh session of the SFTP protocol, version 3, that starts in the home. */
  sftp(): Promise<Duplex>;
  /** TCP ports that listen inside, on any address. `process` is null where it belongs to another user. */
  listeningPorts(): Promise<{ port: number; process: string | null }[]>;
  /** When the helper has ended or was closed. All its streams have ended then too. */
  readonly ended: Promise<{ reason: string }>;
  close(): Promise<void>;
}

export interface StartInsideOptions {
  /** A folder of the agent's, of fewer than 80 bytes, that only serves this environment. */
  socketDir: string;
  /** The same folder as the inside sees it. */
  insideSocketDir: string;
  /**
   * Starts the helper inside, as the environment's user and with HOME set: `helperCommand(pack as the inside sees it)`
   * followed by `argv`. `stdin` is what it must find on its standard input, then the end of it.
   */
  start(argv: string[], stdin: string): Promise<{ ended: Promise<string>; kill(): Promise<void> }>;
  /**
   * Whether the network is shared with strangers, as in the process runtime: then only ports of processes are told that
   * have the helper's EASEL_ENVIRONMENT_ID in their environment. Default false.
   */
  ownPortsOnly?: boolean;
  log: Log;
}

/** From the start of the helper's program to its first words: an image on a cold disk takes its time. */
const startLimitMs = 30_000;
const streamLimitMs = 10_000;

/**
 * Starts the helper and resolves when it answers. Throws TIMED_OUT, or WORKER_UNREACHABLE with what `ended` said when the
 * program ended first.
 */
export async function startInside(options: StartInsideOptions): Promise<Inside> {
  const secret = randomBytes(24).toString('hex');
  const sockets = new InsideSockets(join(options.socketDir, 's'), secret, options.log);
  await sockets.open();
  try {
    const argv = ['serve', join(options.insideSocketDir, 's')];
    const control = controlConnection(sockets, startLimitMs);
    control.catch(() => undefined);
    const helper = await options.start(
      argv,
      `${JSON.stringify({ secret, ownPortsOnly: options.ownPortsOnly ?? false })}\n`,
    );
    const early = helper.ended.then((reason) => {
      throw new AppError({ code: 'WORKER_UNREACHABLE', message: `the helper inside ended at once: ${reason}` });
    });
    early.catch(() => undefined);
    try {
      const connection = new Control(await Promise.race([control, early]), options.log);
      const { protocol, identity } = await Promise.race([connection.hello, early]);
      if (protocol !== INSIDE_PROTOCOL) {
        const message = `expected version ${INSIDE_PROTOCOL} of the helper inside, got ${protocol}: build the pack again`;
        throw new AppError({ code: 'UNSUPPORTED_VERSION', message });
      }
      return new HelperInside({ identity, control: connection, sockets, helper });
    } catch (err) {
      await helper.kill();
      throw err;
    }
  } catch (err) {
    sockets.close();
    throw err;
  }
}

type Helper = Awaited<ReturnType<StartInsideOptions['start']>>;

class HelperInside implements Inside {
  readonly identity: Identity;
  readonly ended: Promise<{ reason: string }>;
  readonly #control: Control;
  readonly #sockets: InsideSockets;
  readonly #helper: Helper;
  #lastName = 0;

  constructor(parts: { identity: Identity; control: Control; sockets: InsideSockets; helper: Helper }) {
    this.identity = parts.identity;
    this.#control = parts.control;
    this.#sockets = parts.sockets;
    this.#helper = parts.helper;
    this.ended = Promise.race([
      parts.helper.ended,
      parts.control.closed.then(() => 'its control connection ended'),
    ]).then((reason) => {
      this.#control.close();
      this.#sockets.close();
      return { reason };
    });
  }

  async spawn(options: SpawnOptions): Promise<InsideProcess> {
    const { argv, cwd, env, defaults = {}, pty } = options;
    const process = ++this.#lastName;
    const exit = this.#control.exitOf(process);
    const [stdin, stdout = stdin, stderr = null] = await this.#open(pty ? 1 : 3, (streams) => {
      return { type: 'spawn', process, argv, cwd, env, defaults, terminal: pty ?? null, streams };
    }).catch((err: unknown) => {
      this.#control.forgetExit(process);
      throw err;
    });
    if (stdout !== stdin) oneWay({ stdin: stdin!, outputs: [stdout!, stderr!] });
    return {
      stdin: pty ? terminalInput(stdin!) : stdin!,
      stdout: stdout!,
      stderr,
      exit,
      resize: (columns, rows) => this.#control.order({ type: 'resize', process, columns, rows }),
      signal: (name) => this.#control.order({ type: 'signal', process, name }),
    };
  }

  async connect(target: ConnectTarget): Promise<Duplex> {
    const [socket] = await this.#open(1, ([stream]) => ({ type: 'connect', target, stream: stream! }));
    return socket!;
  }

  async listen(
    target: ListenTarget,
    onConnection: (stream: Duplex, from: { host: string; port: number }) => void,
  ): Promise<Listener> {
    const listener = ++this.#lastName;
    this.#sockets.addListener(listener, onConnection);
    try {
      const { port, path } = listenedSchema.parse(await this.#control.request({ type: 'listen', listener, target }));
      const close = async () => {
        this.#sockets.removeListener(listener);
        this.#control.order({ type: 'unlisten', listener });
      };
      return { port, path, close };
    } catch (err) {
      this.#sockets.removeListener(listener);
      throw err;
    }
  }

  async sftp(): Promise<Duplex> {
    const [socket] = await this.#open(1, ([stream]) => ({ type: 'sftp', stream: stream! }));
    return socket!;
  }

  async listeningPorts(): Promise<{ port: number; process: string | null }[]> {
    return portsSchema.parse(await this.#control.request({ type: 'ports' }));
  }

  async close(): Promise<void> {
    this.#control.close();
    await this.#helper.kill();
    await this.ended;
  }

  /** Makes a request that opens `count` streams, and waits for them. */
  async #open(count: number, request: (streams: string[]) => InsideRequest): Promise<Socket[]> {
    const streams = Array.from({ length: count }, () => `s${++this.#lastName}`);
    const awaited = streams.map((stream) => this.#sockets.expect(stream));
    try {
      await this.#control.request(request(streams));
      return await soon(Promise.all(awaited.map(({ socket }) => socket)));
    } catch (err) {
      for (const { socket, forget } of awaited) {
        forget();
        void socket.then((late) => late.destroy());
      }
      throw err;
    }
  }
}

/** The helper dials before it answers, so the streams are here, or on the way. */
async function soon<T>(streams: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new AppError({ code: 'TIMED_OUT', message: 'a stream of the inside did not come' }));
  }, streamLimitMs);
  try {
    return await Promise.race([streams, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A terminal has no end of input to give; the end of its connection is a hang-up. */
function terminalInput(socket: Socket): Writable {
  return new Writable({
    autoDestroy: false,
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    destroy: (err, done) => {
      socket.destroy();
      done(err);
    },
  });
}

/** Standard streams go one way: an end of the other way is said at once, and what comes on standard input is dropped. */
function oneWay({ stdin, outputs }: { stdin: Socket; outputs: Socket[] }): void {
  for (const output of outputs) output.end();
  stdin.resume();
  // The last process that could read has gone.
  stdin.once('end', () => stdin.destroy());
}
