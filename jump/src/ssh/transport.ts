/**
 * The transport layer of one SSH connection (RFC 4253), on top of ssh2's: identification, key exchange, encryption. What it
 * carries (messages from number 50) is handed over as bytes and sent as bytes, so that a jump can pass channels on without
 * taking part in them.
 *
 * States: exchanging keys → open → closed. Keys are exchanged anew when the other side asks, and when so many bytes went
 * one way that one key has served long enough; messages sent meanwhile wait. If the other side dies, the stream's end says
 * so. Whatever breaks the protocol closes the connection with one DISCONNECT.
 *
 * Memory: the line reads into the same memory again and again, so what the library or the receiver keeps is copied; messages
 * that are sent are put together and encrypted in the line's own memory.
 */
import type { Line } from '@easel/kit/line';
import { SIGNATURE_ALGORITHMS } from '@easel/kit/ssh/signature';
import { DISCONNECT, MESSAGE, message, WireError } from '@easel/kit/ssh/wire';
import { takeRightGuess } from '@easel/kit/ssh-guess';
import type { KexInit } from 'ssh2/lib/protocol/kex.js';
import Protocol, { type HostKey } from 'ssh2/lib/protocol/Protocol.js';
import utils from 'ssh2/lib/protocol/utils.js';
import { type Framing, framingOf, payloadAt, placePacket } from './framing.ts';
import { copyPayloads, keepWhatWaits } from './ssh2-repairs.ts';

/** Messages above this number are carried; those below are the transport's own (RFC 4250 §4.1.1). */
const firstCarried = 50;
/** Without our own doing most clients exchange keys after 1 GiB to 64 GiB; this is for those that never do. */
const rekeyBytes = 16 * 1024 ** 3;
/** What may wait for a peer that does not read, before nothing more is read of it. */
const backlogBytes = 1024 * 1024;
/** How long the other side may take to close after our DISCONNECT. */
const farewellMs = 1_000;
const nothing = Buffer.alloc(0);

export interface TransportHandlers {
  /** The first key exchange is done. */
  onOpen(): void;
  /** So many bytes have come in all; called before they are looked at. */
  onBytes?(totalBytes: number): void;
  /** A carried message, which is the receiver's until this returns. */
  onMessage(payload: Buffer): void;
  /** Server only. True accepts. */
  onServiceRequest?(name: string): boolean;
  /** Client only. */
  onServiceAccept?(name: string): void;
  /** What was waited for in vain at `isFull` may be sent now. */
  onDrain(): void;
  /** Once. `reason` is for the log. */
  onClose(reason: string): void;
}

export interface TransportOptions {
  /** Not attached yet. */
  line: Line;
  offer: KexInit;
  /** Makes it the server's side. */
  hostKeys?: Readonly<Record<string, HostKey>>;
  /** Client only: judges the server's key. */
  isHostKeyGood?(blob: Buffer): boolean;
  handlers: TransportHandlers;
}

export class Transport {
  readonly #line: Line;
  readonly #protocol: Protocol;
  readonly #handlers: TransportHandlers;
  readonly #isServer: boolean;
  #isOpen = false;
  #isClosed = false;
  #isHeld = false;
  #reason: string | undefined;
  #bytesSinceKeys = 0;
  #bytesRead = 0;
  /** How packets are put together under the present keys; undefined leaves it to the library. */
  #framing: Framing | undefined;
  #isInPlace = false;
  #farewell: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TransportOptions) {
    this.#line = options.line;
    this.#handlers = options.handlers;
    this.#isServer = options.hostKeys !== undefined;
    this.#protocol = this.#createProtocol(options);
    this.#hookProtocol();
    this.#attend();
    this.#protocol.start();
  }

  /** Names this connection in signatures (RFC 4253 §7.2). */
  get sessionId(): Buffer {
    return this.#protocol._kex.sessionID;
  }

  /** The other side does not keep up: wait for `onDrain`. */
  get isFull(): boolean {
    return this.#line.isFull;
  }

  /** Copies the message, which may come in two parts. After the close it does nothing. */
  send(payload: Buffer, rest: Buffer = nothing): void {
    const protocol = this.#protocol;
    if (this.#isClosed || !protocol._destruct) return;
    const payloadBytes = payload.length + rest.length;
    if (this.#framing && protocol._kexinit === undefined) {
      const packet = placePacket(this.#line, this.#framing, payloadBytes);
      packet.set(payload, payloadAt);
      packet.set(rest, payloadAt + payload.length);
      this.#isInPlace = true;
      protocol._cipher.encrypt(packet);
      this.#isInPlace = false;
    } else {
      const { write } = protocol._packetRW;
      const { allocStart } = write;
      const packet = write.alloc(payloadBytes);
      packet.set(payload, allocStart);
      packet.set(rest, allocStart + payload.length);
      utils.sendPacket(protocol, write.finalize(packet));
    }
    this.#bytesSinceKeys += payloadBytes;
    if (this.#bytesSinceKeys > rekeyBytes) this.rekey();
  }

  /** Exchanges keys anew, unless that is under way. */
  rekey(): void {
    this.#bytesSinceKeys = 0;
    if (this.#isOpen && this.#protocol._kexinit === undefined) this.#protocol.rekey();
  }

  requestService(name: string): void {
    this.#protocol.service(name);
  }

  /** Reads no more, until `resume`: what this connection carries is read too slowly elsewhere. */
  pause(): void {
    this.#isHeld = true;
    this.#line.pause();
  }

  resume(): void {
    this.#isHeld = false;
    if (this.#line.waitingBytes < backlogBytes) this.#line.resume();
  }

  /** Says why, then closes. `text` is shown to the person at the other end. */
  disconnect(code: number, text: string): void {
    if (this.#isClosed || this.#reason !== undefined) return;
    this.#reason = text;
    const protocol = this.#protocol;
    if (protocol._destruct && this.#isOpen && protocol._kexinit === undefined) {
      this.send(message(MESSAGE.disconnect, code, text, ''));
    }
    this.#endSoon();
    // What still comes is read and dropped, or it would turn our end into a reset that overtakes it.
    this.#line.resume();
  }

  /** Cuts at once. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#line.destroy();
  }

  #createProtocol(options: TransportOptions): Protocol {
    const { hostKeys, isHostKeyGood, handlers } = options;
    return new Protocol({
      server: this.#isServer,
      ident: 'Easel',
      offer: options.offer,
      ...(hostKeys ? { hostKeys } : {}),
      ...(isHostKeyGood ? { hostVerifier: (blob, verify) => verify(isHostKeyGood(blob)) } : {}),
      onHeader: () => {
        copyPayloads(this.#protocol);
        if (this.#isServer) takeRightGuess(this.#protocol);
      },
      onWrite: (bytes) => {
        if (!this.#isInPlace) this.#line.write(bytes);
      },
      onError: (err) => this.#fail(err.message),
      onHandshakeComplete: () => {
        if (this.#isOpen) return;
        this.#isOpen = true;
        handlers.onOpen();
      },
      messageHandlers: {
        DISCONNECT: (_protocol, reason, text) => {
          this.#reason ??= `the other side disconnected (${reason}) ${text}`.trim();
          this.#line.end();
        },
        SERVICE_REQUEST: (protocol, name) => {
          if (this.#isOpen && handlers.onServiceRequest?.(name)) protocol.serviceAccept(name);
          else this.disconnect(DISCONNECT.serviceNotAvailable, 'this service is not available');
        },
        SERVICE_ACCEPT: (_protocol, name) => handlers.onServiceAccept?.(name),
      },
    });
  }

  #hookProtocol(): void {
    const protocol = this.#protocol;
    const ownMessage = protocol._onPayload;
    protocol._onPayload = (payload) => {
      const type = payload[0] ?? 0;
      if (type < firstCarried) {
        const result = ownMessage(Buffer.from(payload));
        // From here to the new keys packets take another way.
        if (type === MESSAGE.keyExchangeInit) copyPayloads(protocol);
        return result;
      }
      if (this.#reason === undefined) this.#handlers.onMessage(payload);
      return undefined;
    };
    const complete = protocol._onHandshakeComplete;
    protocol._onHandshakeComplete = (...args) => {
      this.#framing = framingOf(args[0][this.#isServer ? 'sc' : 'cs'].cipher);
      // The library's own list of signatures has SHA-1 in it and lacks a comma.
      const isFirst = this.#isServer && !this.#isOpen;
      const wantsExtInfo = isFirst && protocol._kex.remoteExtInfoEnabled;
      protocol._kex.remoteExtInfoEnabled = false;
      if (wantsExtInfo) this.send(message(MESSAGE.extInfo, 1, 'server-sig-algs', SIGNATURE_ALGORITHMS.join(',')));
      complete(...args);
    };
  }

  #attend(): void {
    const line = this.#line;
    line.attach({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {
        if (!this.#isHeld) line.resume();
        this.#handlers.onDrain();
      },
      onEnd: () => {
        this.#reason ??= 'the other side went away';
        line.end();
      },
      onClose: (err) => {
        clearTimeout(this.#farewell);
        this.#isClosed = true;
        this.#protocol.cleanup();
        this.#handlers.onClose(this.#reason ?? err?.message ?? 'the line was cut');
      },
    });
  }

  #onData(chunk: Buffer): void {
    const protocol = this.#protocol;
    this.#bytesRead += chunk.length;
    this.#handlers.onBytes?.(this.#bytesRead);
    if (!protocol._destruct || this.#reason !== undefined) return;
    try {
      protocol.parse(chunk, 0, chunk.length);
      keepWhatWaits(protocol, chunk);
    } catch (err) {
      if (err instanceof WireError) this.disconnect(DISCONNECT.protocolError, err.message);
      else this.#fail((err as Error).message);
      return;
    }
    if (this.#line.waitingBytes >= backlogBytes && this.#line.isFull) this.#line.pause();
  }

  #fail(reason: string): void {
    this.#reason ??= reason;
    // A DISCONNECT of the library may be on its way.
    this.#endSoon();
  }

  #endSoon(): void {
    this.#line.end();
    clearTimeout(this.#farewell);
    this.#farewell = setTimeout(() => this.#line.destroy(), farewellMs);
  }
}
