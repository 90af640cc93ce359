/**
 * A channel, used exactly: bytes are handed over one piece after the other and only while both the client's window and the
 * line to it have room, so nothing is lost at an end and nothing piles up; each way ends by itself.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Connection, ServerChannel } from 'ssh2';
import { forgetPending, onPeerClose, sendEof, sendExit } from './ssh2-internals.ts';

/** One channel does not keep the line from the others for longer than this takes. */
const pieceBytes = 32 * 1024;
/** Signals that RFC 4254 §6.10 knows. */
const knownSignals = new Set('ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' '));

/** The line under all channels of a connection. */
export interface Line {
  /** Resolves when there is room, or the line is gone. */
  room(): Promise<void> | null;
  readonly closed: Promise<void>;
}

export class ChannelPort {
  readonly channel: ServerChannel;
  /** The client, or the line, has closed the channel; or we have. */
  readonly closed: Promise<void>;
  readonly #client: Connection;
  readonly #line: Line;
  #isClosed = false;
  #hasEnded = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(client: Connection, channel: ServerChannel, line: Line) {
    this.channel = channel;
    this.#client = client;
    this.#line = line;
    const closed = Promise.withResolvers<void>();
    const onClosed = () => {
      this.#isClosed = true;
      closed.resolve();
    };
    onPeerClose(channel, onClosed);
    void line.closed.then(onClosed);
    channel.on('error', onClosed);
    channel.stderr.on('error', onClosed);
    this.closed = closed.promise;
  }

  /** Resolves when the bytes are on their way; to false when nobody takes them any more. */
  send(bytes: Buffer, to: 'stdout' | 'stderr' = 'stdout'): Promise<boolean> {
    const sent = this.#turn.then(() => this.#sendPieces(bytes, to));
    this.#turn = sent;
    return sent;
  }

  /** Sends all that `source` gives, to its end; resolves then, or when the channel is closed, with `source` destroyed. */
  async pumpFrom(source: Readable, to: 'stdout' | 'stderr' = 'stdout', onBytes?: () => void): Promise<void> {
    void this.closed.then(() => source.destroy());
    try {
      for await (const bytes of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        onBytes?.();
        if (!(await this.send(bytes, to))) break;
      }
    } catch {
      // Cut off: what came before is sent.
    }
  }

  /** Gives all that the client sends to `target`, and then its end. What `target` no longer takes is dropped. */
  pumpTo(target: Writable, onBytes?: () => void): void {
    if (onBytes) this.channel.on('data', onBytes);
    const drop = () => {
      this.channel.unpipe(target);
      this.channel.resume();
    };
    target.once('close', drop).on('error', drop);
    this.channel.pipe(target);
    void this.closed.then(() => {
      // An end that the client has said comes with all that was before it; a cut does not.
      if (!this.channel.readableEnded && !target.writableFinished) target.destroy();
    });
  }

  /** Connects the channel with a stream both ways; closes it when both have ended. */
  async splice(other: Duplex, onBytes?: () => void): Promise<void> {
    this.pumpTo(other, onBytes);
    const theirs = new Promise<void>((resolve) => this.channel.once('end', resolve));
    const gone = new Promise<void>((resolve) => other.once('close', resolve));
    await this.pumpFrom(other);
    if (other.readableEnded) {
      this.end();
      await Promise.race([theirs.then(() => finished(other)), gone, this.closed]);
    }
    this.close();
    other.destroy();
  }

  /** No more bytes will be sent; the client may go on. */
  end(): void {
    if (this.#hasEnded || this.#isClosed) return;
    this.#hasEnded = true;
    sendEof(this.channel);
  }

  exit({ code, signal }: { code: number | null; signal: string | null }): void {
    if (this.#isClosed) return;
    const name = signal?.replace(/^SIG/, '');
    if (name !== undefined && knownSignals.has(name)) sendExit(this.#client, this.channel, { signal: name });
    else sendExit(this.#client, this.channel, { code: code ?? 255 });
  }

  /** Ends and closes. Closing twice does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.end();
    this.channel.end();
  }

  async #sendPieces(bytes: Buffer, to: 'stdout' | 'stderr'): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const room = this.#line.room();
      if (room) await room;
      if (this.#isClosed || this.#hasEnded) return false;
      await this.#sendPiece(bytes.subarray(at, at + pieceBytes), to);
    }
    return !this.#isClosed;
  }

  async #sendPiece(bytes: Buffer, to: 'stdout' | 'stderr'): Promise<void> {
    const sink = to === 'stdout' ? this.channel : this.channel.stderr;
    const written = new Promise<void>((resolve) => sink.write(bytes, () => resolve()));
    await Promise.race([written, this.closed]);
    forgetPending(this.channel);
  }
}

function finished(stream: Writable): Promise<void> {
  if (stream.writableFinished || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('finish', resolve).once('close', resolve);
  });
}
