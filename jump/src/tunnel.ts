/**
 * One channel of `ssh -J`: bytes between the client's channel and a relayed line, which carries SSH of its own, end to
 * end with the worker. Ends are passed on one by one; the channel is closed when both have gone by, or when either side
 * gives it up. Flow control: the client may send as much as the relay has taken (RFC 4254 §5.2), and the relay is read as
 * far as the client's window and line go.
 */
import type { Line } from '@easel/kit/line';
import { MESSAGE, message, type Reader } from '@easel/kit/ssh/wire';

/** What the client may send before the relay has taken any of it. */
export const tunnelWindowBytes = 2 * 1024 * 1024;
export const tunnelPacketBytes = 32_768;
/** Taken bytes are granted again in steps of this. */
const grantStepBytes = tunnelWindowBytes / 2;
/** RFC 4254 §5.2. */
const maxWindowBytes = 2 ** 32 - 1;

export interface TunnelOptions {
  /** The client's number of the channel, its window and the largest packet that it takes. */
  remote: { channel: number; windowBytes: number; packetBytes: number };
  /** To the worker; not attached yet. */
  relayed: Line;
  line: { send(payload: Buffer, rest?: Buffer): void; readonly isFull: boolean };
  /** Both sides have closed the channel: its number is free. */
  onClosed(): void;
}

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #relayed: Line;
  /** What we may still send. */
  #window: number;
  /** What has come and may not be sent yet. */
  #waiting: Buffer[] = [];
  /** What the client may still send. */
  #granted = tunnelWindowBytes;
  #taken = 0;
  #hasClientEnded = false;
  /** The client's end has left for the worker. */
  #hasPassedEnd = false;
  #hasWorkerEnded = false;
  #isRelayedClosed = false;
  #hasSentEof = false;
  #hasSentClose = false;
  #hasClientClosed = false;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#relayed = options.relayed;
    this.#window = options.remote.windowBytes;
    this.#relayed.attach({
      onData: (chunk) => this.#onWorkerData(chunk),
      onEnd: () => {
        this.#hasWorkerEnded = true;
        this.#endWhenSent();
      },
      onDrain: () => this.#grant(),
      onClose: (err) => {
        this.#isRelayedClosed = true;
        if (err) this.#waiting = [];
        this.#endWhenSent();
      },
    });
  }

  /** A message for this channel; the fields after its number. */
  onMessage(type: number, fields: Reader): void {
    if (this.#hasClientClosed) return;
    if (type === MESSAGE.channelWindowAdjust) {
      this.#window = Math.min(maxWindowBytes, this.#window + fields.uint32());
      this.pump();
    } else if (type === MESSAGE.channelData) this.#onClientData(fields.string());
    else if (type === MESSAGE.channelEof) this.#onEof();
    else if (type === MESSAGE.channelClose) this.#onClose();
    else if (type === MESSAGE.channelRequest) {
      fields.string();
      if (fields.boolean()) this.#send(message(MESSAGE.channelFailure, this.#options.remote.channel));
    }
  }

  /** Sends what waits, as far as the window and the line go, and reads on when nothing waits any more. */
  pump(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    while (waiting.length > 0) {
      const rest = this.#sendData(waiting[0]!);
      if (rest.length > 0) {
        waiting[0] = rest;
        return;
      }
      waiting.shift();
    }
    this.#relayed.resume();
    this.#endWhenSent();
  }

  destroy(): void {
    this.#hasSentClose = true;
    this.#relayed.destroy();
  }

  #onWorkerData(chunk: Buffer): void {
    if (this.#hasSentClose) return;
    const rest = this.#waiting.length === 0 ? this.#sendData(chunk) : chunk;
    if (rest.length === 0) return;
    this.#waiting.push(Buffer.from(rest));
    this.#relayed.pause();
  }

  /** Gives what could not be sent. */
  #sendData(bytes: Buffer): Buffer {
    const { line, remote } = this.#options;
    const most = Math.min(remote.packetBytes, tunnelPacketBytes);
    let rest = bytes;
    while (rest.length > 0 && this.#window > 0 && !line.isFull) {
      const part = rest.subarray(0, Math.min(this.#window, most));
      rest = rest.subarray(part.length);
      this.#window -= part.length;
      line.send(message(MESSAGE.channelData, remote.channel, part.length), part);
    }
    return rest;
  }

  #onClientData(data: Buffer): void {
    this.#granted -= data.length;
    if (this.#hasClientEnded || this.#granted < 0) {
      // It did not keep to what it was granted: this channel is no use any more.
      this.#relayed.destroy();
      return;
    }
    this.#relayed.write(data);
    this.#taken += data.length;
    if (!this.#relayed.isFull) this.#grant();
  }

  #grant(): void {
    if (this.#taken < grantStepBytes || this.#hasClientEnded || this.#hasSentClose) return;
    this.#granted += this.#taken;
    this.#send(message(MESSAGE.channelWindowAdjust, this.#options.remote.channel, this.#taken));
    this.#taken = 0;
  }

  #onEof(): void {
    if (this.#hasClientEnded) return;
    this.#hasClientEnded = true;
    this.#relayed.end(() => {
      this.#hasPassedEnd = true;
      if (this.#hasClientClosed) this.#relayed.destroy();
    });
  }

  #onClose(): void {
    this.#hasClientClosed = true;
    if (!this.#hasClientEnded) this.#relayed.destroy();
    this.#hasClientEnded = true;
    if (this.#hasSentClose) {
      this.#options.onClosed();
      return;
    }
    // Nothing can be sent to it any more, but what came before its end is still on its way to the worker.
    this.#waiting = [];
    this.#sendClose();
    this.#relayed.resume();
    if (this.#hasPassedEnd) this.#relayed.destroy();
  }

  /** The worker's end, and the close that follows both ends, come behind all that it sent. */
  #endWhenSent(): void {
    if (this.#waiting.length > 0 || this.#hasSentClose) return;
    if (this.#hasWorkerEnded && !this.#hasSentEof) {
      this.#hasSentEof = true;
      this.#send(message(MESSAGE.channelEof, this.#options.remote.channel));
    }
    if (this.#isRelayedClosed) this.#sendClose();
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
