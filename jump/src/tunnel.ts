/**
 * One channel of `ssh -J`: bytes between the client's channel and a relayed stream, which carries SSH of its own, end to
 * end with the worker. Ends are passed on one by one; the channel is closed when both have gone by, or when either side
 * gives it up. Flow control: the client may send as much as the stream has taken (RFC 4254 §5.2), and the stream is read
 * as far as the client's window and line go.
 */
import type { Duplex } from 'node:stream';
import { MESSAGE, message, type Reader } from './ssh/wire.ts';

/** What the client may send before the stream has taken any of it. */
export const tunnelWindowBytes = 2 * 1024 * 1024;
export const tunnelPacketBytes = 32_768;
/** Taken bytes are granted again in steps of this. */
const grantStepBytes = tunnelWindowBytes / 2;
/** RFC 4254 §5.2. */
const maxWindowBytes = 2 ** 32 - 1;

export interface TunnelOptions {
  /** The client's number of the channel, its window and the largest packet that it takes. */
  remote: { channel: number; windowBytes: number; packetBytes: number };
  stream: Duplex;
  line: { send(payload: Buffer, rest?: Buffer): void; readonly isFull: boolean };
  /** Both sides have closed the channel: its number is free. */
  onClosed(): void;
}

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #stream: Duplex;
  /** What we may still send. */
  #window: number;
  /** What the client may still send. */
  #granted = tunnelWindowBytes;
  #taken = 0;
  #hasClientEnded = false;
  #hasSentClose = false;
  #hasClientClosed = false;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#stream = options.stream;
    this.#window = options.remote.windowBytes;
    const stream = this.#stream;
    stream.on('readable', () => this.pump());
    stream.on('end', () => this.#onStreamEnd());
    stream.on('error', () => undefined);
    stream.on('close', () => this.#sendClose());
  }

  /** A message for this channel; the fields after its number. */
  onMessage(type: number, fields: Reader): void {
    if (this.#hasClientClosed) return;
    if (type === MESSAGE.channelWindowAdjust) {
      this.#window = Math.min(maxWindowBytes, this.#window + fields.uint32());
      this.pump();
    } else if (type === MESSAGE.channelData) this.#onData(fields.string());
    else if (type === MESSAGE.channelEof) this.#onEof();
    else if (type === MESSAGE.channelClose) this.#onClose();
    else if (type === MESSAGE.channelRequest) {
      fields.string();
      if (fields.boolean()) this.#send(message(MESSAGE.channelFailure, this.#options.remote.channel));
    }
  }

  /** Sends what the stream has, as far as the window and the line go. */
  pump(): void {
    const { line, remote } = this.#options;
    while (this.#window > 0 && !line.isFull && !this.#hasSentClose) {
      const ready = this.#stream.readableLength;
      const most = Math.min(this.#window, remote.packetBytes, tunnelPacketBytes);
      // A read of nothing is what makes the stream say that it has ended.
      const chunk = this.#stream.read(ready > most ? most : undefined) as Buffer | null;
      if (chunk === null) return;
      for (let from = 0; from < chunk.length; from += most) {
        const part = chunk.subarray(from, from + most);
        this.#window -= part.length;
        line.send(message(MESSAGE.channelData, remote.channel, part.length), part);
      }
    }
  }

  destroy(): void {
    this.#hasSentClose = true;
    this.#stream.destroy();
  }

  #onData(data: Buffer): void {
    this.#granted -= data.length;
    if (this.#hasClientEnded || this.#granted < 0) {
      // It did not keep to what it was granted: this channel is no use any more.
      this.#stream.destroy();
      return;
    }
    this.#stream.write(data, () => this.#onTaken(data.length));
  }

  #onTaken(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < grantStepBytes || this.#hasClientEnded || this.#hasSentClose) return;
    this.#granted += this.#taken;
    this.#send(message(MESSAGE.channelWindowAdjust, this.#options.remote.channel, this.#taken));
    this.#taken = 0;
  }

  #onEof(): void {
    if (this.#hasClientEnded) return;
    this.#hasClientEnded = true;
    this.#stream.end();
  }

  #onClose(): void {
    this.#hasClientClosed = true;
    if (!this.#hasClientEnded) this.#stream.destroy();
    this.#hasClientEnded = true;
    if (this.#hasSentClose) {
      this.#options.onClosed();
      return;
    }
    // Nothing can be sent to it any more, but what came before its end is still on its way to the stream.
    this.#stream.resume();
    if (this.#stream.writableFinished) this.#stream.destroy();
    else this.#stream.once('finish', () => this.#stream.destroy());
    this.#sendClose();
  }

  #onStreamEnd(): void {
    if (this.#hasSentClose) return;
    this.#send(message(MESSAGE.channelEof, this.#options.remote.channel));
  }

  #sendClose(): void {
    if (this.#hasSentClose) return;
    this.#hasSentClose = true;
    this.#send(message(MESSAGE.channelClose, this.#options.remote.channel));
    if (this.#hasClientClosed) this.#options.onClosed();
  }

  #send(payload: Buffer): void {
    this.#options.line.send(payload);
  }
}
