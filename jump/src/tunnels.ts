/**
 * A connection that is used as `ssh -J` uses it: channels to environments of the same person, and nothing else. Each asks
 * the server anew, and is dialled through the relay; what runs inside is between the person's ssh and the worker.
 */
import type { Line } from '@easel/kit/line';
import { MESSAGE, message, OPEN_FAILURE, Reader } from '@easel/kit/ssh/wire';
import { AppError } from '@easel/schema/errors';
import { Tunnel, type TunnelOptions, tunnelPacketBytes, tunnelWindowBytes } from './tunnel.ts';

/** The port that ssh asks for when it is told none. */
const sshPort = 22;
const maxTunnels = 64;
/** A client that takes smaller packets would make us send headers for ever. */
const minPacketBytes = 256;

/** Where a direct-tcpip channel wants to go. */
export interface Destination {
  host: string;
  port: number;
}

export interface TunnelsOptions {
  line: TunnelOptions['line'];
  /** Opens a line to the environment's SSH side. Throws AppError with a sentence for the person. */
  dial(environment: string, signal: AbortSignal): Promise<Line>;
  onOpened(): void;
}

/** Reads a channel's destination when its kind has one: a direct-tcpip channel (RFC 4254 §7.2). */
export function destinationOf(payload: Buffer): Destination | null {
  if (payload[0] !== MESSAGE.channelOpen) return null;
  const fields = new Reader(payload);
  if (fields.text() !== 'direct-tcpip') return null;
  for (let i = 0; i < 3; i++) fields.uint32();
  return { host: fields.text(), port: fields.uint32() };
}

/** Whether a destination could be an environment, as `ssh -J` writes it. */
export function mayBeEnvironment(destination: Destination): boolean {
  return destination.port === sshPort && destination.host.length <= 200;
}

export class Tunnels {
  readonly #options: TunnelsOptions;
  /** By our number; null while it is being dialled. */
  readonly #tunnels = new Map<number, Tunnel | null>();
  readonly #gone = new AbortController();

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  onMessage(payload: Buffer): void {
    const type = payload[0] ?? 0;
    const fields = new Reader(payload);
    if (type === MESSAGE.globalRequest) {
      fields.string();
      if (fields.boolean()) this.#send(message(MESSAGE.requestFailure));
    } else if (type === MESSAGE.channelOpen) void this.#open(payload);
    else if (type >= MESSAGE.channelWindowAdjust) this.#tunnels.get(fields.uint32())?.onMessage(type, fields);
  }

  onDrain(): void {
    for (const tunnel of this.#tunnels.values()) tunnel?.pump();
  }

  close(): void {
    this.#gone.abort();
    for (const tunnel of this.#tunnels.values()) tunnel?.destroy();
    this.#tunnels.clear();
  }

  async #open(payload: Buffer): Promise<void> {
    const fields = new Reader(payload);
    fields.string();
    const remote = { channel: fields.uint32(), windowBytes: fields.uint32(), packetBytes: fields.uint32() };
    const refuse = (reason: number, text: string) =>
      this.#send(message(MESSAGE.channelOpenFailure, remote.channel, reason, text, ''));
    const destination = destinationOf(payload);
    if (!destination || !mayBeEnvironment(destination)) {
      return refuse(OPEN_FAILURE.administrativelyProhibited, 'this connection leads to environments alone, at port 22');
    }
    if (this.#tunnels.size >= maxTunnels || remote.packetBytes < minPacketBytes) {
      return refuse(OPEN_FAILURE.resourceShortage, `a connection has at most ${maxTunnels} channels`);
    }
    const channel = this.#freeNumber();
    this.#tunnels.set(channel, null);
    try {
      const relayed = await this.#options.dial(destination.host, this.#gone.signal);
      if (this.#gone.signal.aborted) return relayed.destroy();
      this.#send(
        message(MESSAGE.channelOpenConfirmation, remote.channel, channel, tunnelWindowBytes, tunnelPacketBytes),
      );
      const onClosed = () => void this.#tunnels.delete(channel);
      this.#tunnels.set(channel, new Tunnel({ remote, relayed, line: this.#options.line, onClosed }));
      this.#options.onOpened();
    } catch (err) {
      this.#tunnels.delete(channel);
      if (this.#gone.signal.aborted) return;
      const isNo = err instanceof AppError && err.code === 'FORBIDDEN';
      const text = err instanceof AppError ? err.message : 'the server does not answer: try again soon';
      refuse(isNo ? OPEN_FAILURE.administrativelyProhibited : OPEN_FAILURE.connectFailed, text);
    }
  }

  #freeNumber(): number {
    let number = 0;
    while (this.#tunnels.has(number)) number++;
    return number;
  }

  #send(payload: Buffer): void {
    this.#options.line.send(payload);
  }
}
