/** For tests: a relay that trusts everybody, ties a client's stream to the worker's, and can be told to drop things. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId, type StreamId } from '@easel/schema/ids';
import { decode } from '@easel/schema/wire/codec';
import { RELAY_PATHS, type RelayReply, relayReplySchema } from '@easel/schema/wire/relay';
import { type WebSocket, WebSocketServer } from 'ws';

export class MiniRelay {
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #waiting = new Map<string, (leg: WebSocket) => void>();
  readonly refusals: RelayReply[] = [];
  /** The bearer tokens of the control sockets, in order. */
  readonly tokens: string[] = [];
  control: WebSocket | undefined;
  url = '';

  constructor() {
    this.#server = createServer();
    this.#server.on('upgrade', (request: IncomingMessage, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#take(request, ws));
    });
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Asks the worker for a stream; resolves with its leg, or null when it refuses or does not come. */
  async open(ticket: string, streamId: StreamId = newId('stream')): Promise<WebSocket | null> {
    const refused = this.refusals.length;
    const leg = new Promise<WebSocket>((resolve) => this.#waiting.set(streamId, resolve));
    this.control!.send(JSON.stringify({ type: 'stream.open', streamId, ticket }));
    for (;;) {
      const come = await Promise.race([leg, new Promise<null>((resolve) => setTimeout(() => resolve(null), 20))]);
      if (come || this.refusals.length > refused) return come;
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(request: IncomingMessage, ws: WebSocket): void {
    const path = request.url ?? '';
    ws.on('error', () => undefined);
    if (path === RELAY_PATHS.control) {
      this.tokens.push(request.headers.authorization ?? '');
      this.control = ws;
      ws.on('message', (data) => this.refusals.push(decode(relayReplySchema, data as Buffer)));
      return;
    }
    const streamId = path.slice(RELAY_PATHS.stream.length);
    this.#waiting.get(streamId)?.(ws);
  }
}
