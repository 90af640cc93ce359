/** Numbers and the coding of packets. Source: draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL for its extensions. */
import { Refusal } from './status.ts';

export const TYPES = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

export const VERSION = 3;
/** A longer packet ends the session: what OpenSSH's server takes. */
export const MAX_PACKET_BYTES = 256 * 1024;
/** What a READ gives at most, and a WRITE takes: the packet less room for its head. */
export const MAX_DATA_BYTES = MAX_PACKET_BYTES - 1024;

export class Reader {
  readonly #data: Buffer;
  #at: number;

  constructor(data: Buffer, at = 0) {
    this.#data = data;
    this.#at = at;
  }

  byte(): number {
    return this.#data[this.#skip(1)]!;
  }

  uint32(): number {
    return this.#data.readUInt32BE(this.#skip(4));
  }

  uint64(): bigint {
    return this.#data.readBigUInt64BE(this.#skip(8));
  }

  /** File names are bytes: not every one is text. */
  bytes(): Buffer {
    const length = this.uint32();
    const at = this.#skip(length);
    return this.#data.subarray(at, at + length);
  }

  path(): Buffer {
    const path = this.bytes();
    if (path.includes(0)) throw new Refusal('FAILURE', 'a file name cannot hold a zero byte');
    return path.length === 0 ? Buffer.from('.') : path;
  }

  #skip(count: number): number {
    const at = this.#at;
    if (at + count > this.#data.length) throw new Refusal('BAD_MESSAGE', 'the packet ends too early');
    this.#at += count;
    return at;
  }
}

export class Writer {
  readonly #parts: Buffer[] = [];

  byte(value: number): this {
    this.#parts.push(Buffer.of(value));
    return this;
  }

  uint32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32BE(value >>> 0);
    this.#parts.push(part);
    return this;
  }

  uint64(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64BE(BigInt.asUintN(64, value));
    this.#parts.push(part);
    return this;
  }

  bytes(value: Buffer | string): this {
    const part = typeof value === 'string' ? Buffer.from(value) : value;
    this.uint32(part.length);
    this.#parts.push(part);
    return this;
  }

  raw(value: Buffer): this {
    this.#parts.push(value);
    return this;
  }

  /** The packet's bytes, its length before them. */
  packet(): Buffer[] {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(this.#parts.reduce((sum, part) => sum + part.length, 0));
    return [length, ...this.#parts];
  }

  body(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The start of an answer. */
export function answer(type: number, id: number): Writer {
  return new Writer().byte(type).uint32(id);
}

/** One name, without attributes. */
export function nameAnswer(id: number, name: Buffer): Writer {
  return answer(TYPES.NAME, id).uint32(1).bytes(name).bytes(name).uint32(0);
}
