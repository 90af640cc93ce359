/** Port forwarding, all kinds. `-L` and `-D` reach whatever the inside reaches; `-R` listens inside, on its loopback only. */
import type { Duplex } from 'node:stream';
import type { ServerChannel, TcpipBindInfo } from 'ssh2';
import type { ConnectTarget, Listener } from '../inside/client.ts';
import type { ConnectionContext } from './context.ts';
import { openAgentChannel } from './ssh2-internals.ts';

/** Listeners of one connection. */
const maxListeners = 64;

type Open = () => Promise<ServerChannel>;

/** Serves `direct-tcpip`, `direct-streamlocal`, `tcpip-forward`, `streamlocal-forward` and their cancellations. */
export function serveForwards(context: ConnectionContext): void {
  const { client, inside } = context;
  const listeners = new Map<string, Listener>();
  const listening = new Set<string>();

  client.on('tcpip', (accept, reject, { destIP, destPort }) => {
    void direct({ host: destIP, port: destPort }, accept, reject);
  });
  client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
    void direct({ path: socketPath }, accept, reject);
  });
  client.on('request', (accept, reject, name, info) => {
    const request = info as TcpipBindInfo & { socketPath?: string };
    const key = keyOf(request);
    if (name.startsWith('cancel-')) void cancel(key).then(() => accept?.());
    else {
      forward(request, key).then(
        (port) => accept?.(port),
        (err: unknown) => {
          context.log.info({ err }, 'remote forward refused');
          reject?.();
        },
      );
    }
  });
  context.onClosed(() => {
    for (const key of [...listeners.keys()]) void cancel(key);
  });

  async function direct(target: ConnectTarget, accept: () => ServerChannel, reject: () => void): Promise<void> {
    if (!context.hasRoom) return reject();
    try {
      const stream = await inside.connect(target);
      const port = context.port(accept());
      if (!port) stream.destroy();
      else await port.splice(stream, () => context.mark('port'));
    } catch (err) {
      context.log.debug({ err }, 'forward refused');
      reject();
    }
  }

  async function forward(request: TcpipBindInfo & { socketPath?: string }, key: string): Promise<number> {
    const { socketPath, bindAddr, bindPort } = request;
    if (listening.size >= maxListeners) throw new Error(`at most ${maxListeners} listeners a connection`);
    if (listening.has(key) && bindPort !== 0) throw new Error('this connection listens there already');
    listening.add(key);
    try {
      let port = bindPort;
      const listener = await inside.listen(
        socketPath === undefined ? { host: '127.0.0.1', port } : { path: socketPath },
        (stream, from) => {
          const open: Open =
            socketPath === undefined
              ? () => opened((done) => client.forwardOut(bindAddr, port, from.host, from.port, done))
              : () => opened((done) => client.openssh_forwardOutStreamLocal(socketPath, done));
          void tie(context, stream, open);
        },
      );
      port = listener.port;
      listeners.set(socketPath === undefined ? keyOf({ bindAddr, bindPort: port }) : key, listener);
      return port;
    } finally {
      listening.delete(key);
      for (const taken of listeners.keys()) listening.add(taken);
    }
  }

  async function cancel(key: string): Promise<void> {
    const listener = listeners.get(key);
    listeners.delete(key);
    listening.delete(key);
    await listener?.close();
  }
}

/** A socket inside, for the user alone, whose every connection becomes a channel to the client's agent. */
export async function serveAgent(context: ConnectionContext): Promise<string> {
  const listener = await context.inside.listen({ private: 'agent' }, (stream) => {
    void tie(context, stream, () => openAgentChannel(context.client));
  });
  context.onClosed(() => void listener.close());
  return listener.path;
}

async function tie(context: ConnectionContext, stream: Duplex, open: Open): Promise<void> {
  try {
    const port = context.port(await open());
    if (port) await port.splice(stream);
    else stream.destroy();
  } catch {
    // The client does not want it: whoever connected sees the end.
    stream.destroy();
  }
}

function keyOf({
  socketPath,
  bindAddr,
  bindPort,
}: {
  socketPath?: string;
  bindAddr: string;
  bindPort: number;
}): string {
  return socketPath === undefined ? `${bindAddr}:${bindPort}` : `unix:${socketPath}`;
}

function opened(
  open: (done: (err: Error | undefined, channel: ServerChannel) => void) => unknown,
): Promise<ServerChannel> {
  return new Promise((resolve, reject) => {
    open((err, channel) => (err ? reject(err) : resolve(channel)));
  });
}
