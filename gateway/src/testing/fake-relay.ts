/** A relay on loopback that ties each accepted stream to whatever a test wants to stand inside the environment. */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { streamSocket } from '@easel/kit/stream-socket';
import { RELAY_PATHS } from '@easel/schema/wire/relay';
import { WebSocketServer } from 'ws';

export interface FakeRelay {
  readonly url: string;
  /** The tickets that came, in order. */
  readonly tickets: string[];
  /** How many streams are open. */
  readonly open: number;
  /** Gives the refusal of a ticket, or null to take it. */
  refusal: (ticket: string) => { status: number; code: string; message: string } | null;
  /** Cuts all lines and stops listening. */
  stop(): Promise<void>;
}

/** `inside` gets the worker's end of each stream. `port` 0 takes any. */
export async function startFakeRelay(inside: (stream: Duplex) => void, port = 0): Promise<FakeRelay> {
  const tickets: string[] = [];
  const server = createServer();
  const sockets = new Set<Socket>();
  const wss = new WebSocketServer({ noServer: true });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (req, socket, head) => {
    const ticket = (req.headers.authorization ?? '').replace('Bearer ', '');
    tickets.push(ticket);
    const refusal =
      req.url === RELAY_PATHS.connect
        ? relay.refusal(ticket)
        : { status: 404, code: 'NOT_FOUND', message: `no such path: ${req.url}` };
    if (refusal) {
      const body = JSON.stringify({ code: refusal.code, message: refusal.message });
      socket.end(`HTTP/1.1 ${refusal.status} Refused\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      return;
    }
    wss.handleUpgrade(req, socket, head, (ws) => {
      const stream = streamSocket(ws);
      stream.on('error', () => undefined);
      inside(stream);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const relay: FakeRelay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tickets,
    get open() {
      return wss.clients.size;
    },
    refusal: () => null,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return relay;
}

/** Says back what it hears, and ends when the other has ended. */
export function echo(stream: Duplex): void {
  stream.pipe(stream);
}
