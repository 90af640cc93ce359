/** What the rest of the agent sees of the helper that runs inside the environment: who it is, and what it can do there. */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Log } from '@easel/kit/log';

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
  pty?: PtyRequest;
}

export interface InsideProcess {
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
  log: Log;
}
