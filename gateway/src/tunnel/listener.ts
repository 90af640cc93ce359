/**
 * A local port that leads to a port of the environment. Each connection is a stream of its own, dialled when it comes; the
 * listener lives on whatever happens to the relay or the server.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CommandError } from '../failure.ts';
import { reset, tie } from './tie.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Dials one stream. Must end at the listener's `close`. */
  readonly dial: (signal: AbortSignal) => Promise<Duplex>;
  /** Told when a connection could not be served. */
  readonly onRefused: (err: unknown) => void;
}

export interface Listener {
  readonly port: number;
  /** Takes nothing new and cuts what is open. */
  close(): Promise<void>;
}

/** Throws PORT_TAKEN, or INVALID_INPUT for an address that is not this machine's. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port } = options;
  const closing = new AbortController();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    void serve(socket, options, closing.signal);
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ host, port }, listening.resolve);
  try {
    await listening.promise;
  } catch (err) {
    throw explain(err as NodeJS.ErrnoException, options);
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) reset(socket);
      await closed;
    },
  };
}

/** Never rejects. */
async function serve(socket: Socket, options: ListenerOptions, closing: AbortSignal): Promise<void> {
  const gone = new AbortController();
  const onGone = () => gone.abort();
  socket.on('error', onGone);
  socket.once('close', onGone);
  try {
    const stream = await options.dial(AbortSignal.any([closing, gone.signal]));
    if (socket.destroyed) {
      reset(stream);
      return;
    }
    await tie(socket, stream);
  } catch (err) {
    reset(socket);
    if (!closing.aborted && !gone.signal.aborted) options.onRefused(err);
  }
}

function explain(err: NodeJS.ErrnoException, { host, port }: ListenerOptions): CommandError {
  if (err.code === 'EADDRINUSE')
    return new CommandError(
      'PORT_TAKEN',
      `port ${port} is taken on this machine: name another one (8081:8080), or 0 for any free one (0:8080)`,
      {},
      err,
    );
  if (err.code === 'EACCES')
    return new CommandError('PORT_TAKEN', `port ${port} may not be used by this user: name one above 1023`, {}, err);
  return new CommandError('INVALID_INPUT', `cannot listen on ${host}:${port}: ${err.message}`, {}, err);
}
