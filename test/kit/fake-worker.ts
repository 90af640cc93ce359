/** The worker's side of the relay, with whatever behind it that the test wants. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { dialStream } from '@easel/kit/stream-dial';
import { decode, encode } from '@easel/schema/wire/codec';
import { RELAY_PATHS, relayMessageSchema, relayReplySchema } from '@easel/schema/wire/relay';
import { type ClientTicket, clientTicketSchema } from '@easel/schema/wire/ticket';
import { WebSocket } from 'ws';

/** Gets each stream with its ticket. Throws `AppError` to refuse it; it is dialled only when nothing was thrown. */
export type OnStream = (ticket: ClientTicket) => ((stream: Duplex) => void) | Promise<(stream: Duplex) => void>;

export class FakeWorker {
  readonly control: WebSocket;
  readonly #relayUrl: string;
  readonly #token: string;
  readonly #onStream: OnStream;
  readonly #streams = new Set<Duplex>();

  private constructor(relayUrl: string, token: string, onStream: OnStream) {
    this.#relayUrl = relayUrl;
    this.#token = token;
    this.#onStream = onStream;
    this.control = new WebSocket(`${relayUrl.replace(/^http/, 'ws')}${RELAY_PATHS.control}`, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    this.control.on('error', () => undefined);
    this.control.on('message', (data) => void this.#onMessage(data as Buffer));
  }

  /** Resolves when the relay has taken it; rejects when it is refused. */
  static async start(relayUrl: string, token: string, onStream: OnStream): Promise<FakeWorker> {
    const worker = new FakeWorker(relayUrl, token, onStream);
    await once(worker.control, 'open');
    return worker;
  }

  /** With the close code, when the control socket has closed. */
  get closed(): Promise<number> {
    return once(this.control, 'close').then(([code]) => code);
  }

  stop(): void {
    this.control.terminate();
    for (const stream of this.#streams) stream.destroy();
  }

  async #onMessage(data: Buffer): Promise<void> {
    const { streamId, ticket } = decode(relayMessageSchema, data);
    const claims = clientTicketSchema.parse(
      JSON.parse(Buffer.from(ticket.split('.')[1] ?? '', 'base64url').toString()),
    );
    try {
      const take = await this.#onStream(claims);
      const path = `${RELAY_PATHS.stream}${streamId}`;
      const stream = await dialStream({ url: this.#relayUrl, token: this.#token, path, zeroMask: true });
      this.#streams.add(stream);
      // A test resets streams on purpose; who cares listens itself.
      stream.on('error', () => undefined);
      stream.on('close', () => this.#streams.delete(stream));
      take(stream);
    } catch (err) {
      const { code = 'INTERNAL', message } = err as Error & { code?: string };
      if (this.control.readyState !== WebSocket.OPEN) return;
      this.control.send(encode(relayReplySchema, { type: 'stream.refused', streamId, code, message }));
    }
  }
}
