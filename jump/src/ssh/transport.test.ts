import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Line, LineHandlers } from '@easel/kit/line';
import { MESSAGE, message, Reader } from '@easel/kit/ssh/wire';
import kex from 'ssh2/lib/protocol/kex.js';
import { afterAll, expect, it } from 'vitest';
import { openHostKeys } from '../host-keys.ts';
import { Transport } from './transport.ts';

const folder = mkdtempSync(join(tmpdir(), 'easel-transport-'));
const hostKeys = openHostKeys(folder);
afterAll(() => rmSync(folder, { recursive: true }));

/** A line in this process that reads into one piece of memory and spoils it after every chunk. */
class SpoilingLine implements Line {
  peer!: SpoilingLine;
  readonly #memory = Buffer.alloc(70_000);
  readonly #chunkBytes: () => number;
  #handlers!: LineHandlers;
  #inbox: Buffer[] = [];
  #outbox: Buffer[] = [];
  #isDue = false;
  #hasDelivered = false;
  readonly isFull = false;
  readonly waitingBytes = 0;

  constructor(chunkBytes: () => number) {
    this.#chunkBytes = chunkBytes;
  }

  attach(handlers: LineHandlers): void {
    this.#handlers = handlers;
  }

  reserve(bytes: number): Buffer {
    const room = Buffer.alloc(bytes);
    this.#outbox.push(room);
    if (!this.#isDue) setImmediate(() => this.#deliver());
    this.#isDue = true;
    return room;
  }

  write(bytes: Uint8Array): void {
    this.reserve(bytes.length).set(bytes);
  }

  end(): void {}
  pause(): void {}
  resume(): void {}

  destroy(err?: Error): void {
    this.#handlers.onClose(err);
  }

  #deliver(): void {
    this.#isDue = false;
    const all = Buffer.concat(this.#outbox.splice(0));
    // The library wants the identification in two pieces at most.
    const isFirst = !this.#hasDelivered;
    this.#hasDelivered = true;
    for (let at = 0, next = 0; at < all.length; at = next) {
      next = at + (isFirst ? all.length : Math.min(this.#chunkBytes(), this.#memory.length));
      this.peer.#inbox.push(all.subarray(at, next));
    }
    setImmediate(() => this.peer.#read());
  }

  #read(): void {
    for (const bytes of this.#inbox.splice(0)) {
      const chunk = this.#memory.subarray(0, bytes.copy(this.#memory));
      this.#handlers.onData(chunk);
      this.#memory.fill(0xee);
    }
  }
}

const ciphers = ['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-ctr'];
const sizes = { 'single bytes': () => 1, 'a few bytes': () => randomInt(1, 40), 'large chunks': () => 65_536 };

it.each(ciphers.flatMap((cipher) => Object.entries(sizes).map(([name, size]) => [cipher, name, size] as const)))(
  'carries messages whole with %s in %s, through new keys too, in memory that is read into again',
  async (cipher, _name, size) => {
    const direction = { cipher: [cipher], mac: ['hmac-sha2-256-etm@openssh.com'], compress: ['none'], lang: [] };
    const lists = { serverHostKey: ['ssh-ed25519'], cs: direction, sc: direction };
    const offer = (strict: string) => new kex.KexInit({ ...lists, kex: ['curve25519-sha256', strict] });
    const lines = [new SpoilingLine(size), new SpoilingLine(size)] as const;
    [lines[0].peer, lines[1].peer] = [lines[1], lines[0]];
    const opened = Promise.withResolvers<void>();
    const messages = [0, 1, 12, 27, 255, 4_000, 32_700].map((bytes) => randomBytes(bytes));
    const received: Buffer[] = [];
    const done = Promise.withResolvers<void>();
    const handlers = { onDrain: () => undefined, onClose: (reason: string) => done.reject(new Error(reason)) };
    const server = new Transport({
      line: lines[0],
      offer: offer('kex-strict-s-v00@openssh.com'),
      hostKeys,
      handlers: { ...handlers, onOpen: () => undefined, onMessage: (payload) => server.send(payload) },
    });
    const client = new Transport({
      line: lines[1],
      offer: offer('kex-strict-c-v00@openssh.com'),
      handlers: {
        ...handlers,
        onOpen: () => opened.resolve(),
        onMessage: (payload) => {
          received.push(Buffer.from(new Reader(payload, 5).string()));
          if (received.length === 3 * messages.length) done.resolve();
        },
      },
    });
    await opened.promise;
    const sendAll = () => {
      for (const bytes of messages) client.send(message(MESSAGE.channelData, 0, bytes.length), bytes);
    };
    sendAll();
    client.rekey();
    sendAll();
    await expect.poll(() => received.length, { interval: 5, timeout: 10_000 }).toBe(2 * messages.length);
    server.rekey();
    sendAll();
    await done.promise;
    expect(received.every((bytes, i) => bytes.equals(messages[i % messages.length]!))).toBe(true);
  },
  20_000,
);
