/**
 * Two legs tied together: what comes on one goes out on the other, frame by frame.
 *
 * Who: made when the worker's leg has come and both upgrades are answered. Back-pressure: a leg is not read while the other
 * one's socket is full. The end: once a close frame has gone by in both directions, both sockets are ended. If a leg dies
 * without a close frame, the other gets 1001. A frame that no WebSocket may send ends its leg with 1002: the other leg is
 * told at once, and the guilty one still gets the answers to what it sent before. Such a close can stand only between frames, so it waits for the rest of a frame that is half sent, or is left out (the peer sees 1006)
 * when that rest can no longer come. What was read from one leg is delivered to the other before it is ended.
 */
import type { Socket } from 'node:net';
import { type TakenSocket, takeOver } from '@easel/kit/own-memory';
import { FrameCutter, type FrameFailure } from './frame-cutter.ts';
import { closeFrame, isOwnPong, ownPing } from './frames.ts';

/** TCP asks a silent peer after this time, ten times a second apart; it finds dead machines, not dead programs. */
const keepAliveMs = 30_000;
/** How long a leg that was told to close may do nothing before it is cut. */
const lingerMs = 30_000;
/** How often that time is granted again while bytes still wait for a slow reader: ten minutes in all. */
const lingerGrants = 20;
/** How long the other leg may take to answer the close that a broken protocol brings it. */
const guiltyMs = 2_000;

export type LegName = 'client' | 'worker';

/** Bytes received from each leg, frame headers included. */
export interface Traffic {
  clientBytes: number;
  workerBytes: number;
}

export interface PairOptions {
  /** Sockets whose upgrades are answered, and what came right behind the requests. */
  client: { socket: Socket; head: Buffer };
  worker: { socket: Socket; head: Buffer };
  /** Added to as bytes come. */
  traffic: Traffic;
  onProtocolError(leg: LegName, failure: FrameFailure): void;
  /** Both sockets are closed. `ending`: who ended it, and how. */
  onClosed(ending: string): void;
}

class Leg {
  readonly name: LegName;
  line!: TakenSocket;
  readonly cutter = new FrameCutter(isOwnPong);
  peer!: Leg;
  /** Since the last beat. */
  isHeard = true;
  isAsked = false;
  /** A close frame or an end was sent to it. */
  isEnded = false;
  /** The close code it gets as soon as the frame that is half sent is whole. */
  pendingCode: number | undefined;
  lingers = 0;

  constructor(name: LegName) {
    this.name = name;
  }

  get socket(): Socket {
    return this.line.socket;
  }
}

export class Pair {
  readonly #client: Leg;
  readonly #worker: Leg;
  readonly #options: PairOptions;
  #ending: string | undefined;
  #openLegs = 2;

  constructor(options: PairOptions) {
    this.#options = options;
    this.#client = new Leg('client');
    this.#worker = new Leg('worker');
    this.#client.peer = this.#worker;
    this.#worker.peer = this.#client;
    this.#takeOver(this.#client, options.client);
    this.#takeOver(this.#worker, options.worker);
    for (const leg of [this.#client, this.#worker]) this.#attend(leg);
    for (const leg of [this.#client, this.#worker])
      for (const chunk of leg.line.early.splice(0)) this.#onData(leg, chunk);
  }

  /** Closes both legs with this code; cuts them when they do not follow. */
  close(code: number, ending: string): void {
    this.#ending ??= ending;
    this.#sayClose(this.#client, code);
    this.#sayClose(this.#worker, code);
  }

  /** Cuts both legs at once. */
  destroy(ending: string): void {
    this.#ending ??= ending;
    this.#client.socket.destroy();
    this.#worker.socket.destroy();
  }

  /**
   * Called at a steady pace: a leg that was silent since the last call is asked for a sign of life, and cut when it was
   * asked before. A leg that is not read now, or whose own bytes wait, cannot answer and is left to TCP.
   */
  beat(): void {
    for (const leg of [this.#client, this.#worker]) {
      leg.line.tidy();
      const { socket } = leg;
      if (leg.isEnded || socket.destroyed) continue;
      if (leg.isHeard || socket.isPaused() || socket.writableLength > 0) {
        leg.isHeard = false;
        leg.isAsked = false;
      } else if (leg.isAsked) {
        this.#reset(leg, `${leg.name} is silent`);
      } else if (leg.peer.cutter.isAtBoundary) {
        leg.isAsked = true;
        socket.write(ownPing);
      }
    }
  }

  #takeOver(leg: Leg, from: { socket: Socket; head: Buffer }): void {
    // What was made of a chunk has left once the other leg has nothing to write.
    const isDone = () => leg.peer.socket.writableLength === 0;
    leg.line = takeOver(from.socket, from.head, {
      isDone,
      read: (chunk) => {
        this.#onData(leg, chunk);
        return isDone();
      },
    });
  }

  #attend(leg: Leg): void {
    const { socket } = leg;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on('drain', () => leg.peer.socket.resume());
    socket.on('end', () => this.#onEnd(leg));
    socket.on('timeout', () => this.#onTimeout(leg));
    // 'close' follows and says what there is to do.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose(leg));
    socket.resume();
  }

  #onData(leg: Leg, chunk: Buffer): void {
    leg.isHeard = true;
    if (leg === this.#client) this.#options.traffic.clientBytes += chunk.length;
    else this.#options.traffic.workerBytes += chunk.length;
    const { cutter, peer } = leg;
    if (cutter.failure || cutter.hasClosed) return;
    this.#passOn(leg, cutter.cut(chunk));
    if (cutter.failure) this.#fail(leg, cutter.failure);
    else if (cutter.hasClosed) this.#onCloseFrame(leg);
    else if (peer.pendingCode !== undefined && cutter.isAtBoundary) this.#sayClose(peer, peer.pendingCode);
  }

  #passOn(leg: Leg, pieces: Buffer[]): void {
    const { socket } = leg.peer;
    if (pieces.length === 0 || leg.peer.isEnded || socket.destroyed) return;
    let hasRoom = true;
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) hasRoom = socket.write(piece);
    if (pieces.length > 1) socket.uncork();
    if (!hasRoom) leg.socket.pause();
  }

  #fail(leg: Leg, failure: FrameFailure): void {
    this.#options.onProtocolError(leg.name, failure);
    this.#ending ??= `${leg.name} broke the protocol`;
    this.#sayClose(leg.peer, failure.code);
    const timer = setTimeout(() => this.#sayClose(leg, failure.code), guiltyMs);
    leg.socket.once('close', () => clearTimeout(timer));
  }

  #onCloseFrame(leg: Leg): void {
    this.#ending ??= `${leg.name} closed`;
    if (!leg.peer.cutter.hasClosed && !leg.peer.cutter.failure) return;
    this.#end(leg);
    this.#end(leg.peer);
  }

  #onEnd(leg: Leg): void {
    if (leg.isEnded) return;
    if (leg.cutter.hasClosed && !leg.peer.socket.destroyed) this.#end(leg.peer);
    else this.#reset(leg, `${leg.name} went away`);
  }

  #onClose(leg: Leg): void {
    this.#openLegs--;
    if (this.#openLegs === 0) this.#options.onClosed(this.#ending ?? 'cut');
    else this.#reset(leg, `${leg.name} went away`);
  }

  /** The leg is gone or given up: the other one is told, unless it knows. */
  #reset(leg: Leg, ending: string): void {
    this.#ending ??= ending;
    leg.socket.destroy();
    this.#sayClose(leg.peer, leg.peer.cutter.failure?.code ?? 1001);
  }

  #sayClose(leg: Leg, code: number): void {
    if (leg.isEnded) return;
    const { cutter, socket } = leg.peer;
    if (!cutter.hasClosed) {
      if (!cutter.isAtBoundary && !socket.destroyed) {
        leg.pendingCode = code;
        this.#linger(leg);
        return;
      }
      if (cutter.isAtBoundary) leg.socket.write(closeFrame(code));
    }
    this.#end(leg);
  }

  #end(leg: Leg): void {
    if (leg.isEnded) return;
    leg.isEnded = true;
    leg.socket.end();
    // Its rest is read and dropped: unread bytes would turn our end into a reset that overtakes the close frame.
    leg.socket.resume();
    this.#linger(leg);
  }

  #linger(leg: Leg): void {
    leg.socket.setTimeout(lingerMs);
  }

  #onTimeout(leg: Leg): void {
    if (leg.socket.writableLength > 0 && leg.lingers++ < lingerGrants) this.#linger(leg);
    else leg.socket.destroy();
  }
}
