/** The words of SSH messages (RFC 4251 §5, RFC 4252, RFC 4254) as far as a jump reads and writes them. */

export const MESSAGE = {
  disconnect: 1,
  unimplemented: 3,
  extInfo: 7,
  keyExchangeInit: 20,
  userAuthRequest: 50,
  userAuthFailure: 51,
  userAuthSuccess: 52,
  userAuthBanner: 53,
  userAuthPublicKeyOk: 60,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** RFC 4253 §11.1. */
export const DISCONNECT = {
  protocolError: 2,
  serviceNotAvailable: 7,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const;

/** RFC 4254 §5.1. */
export const OPEN_FAILURE = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownType: 3,
  resourceShortage: 4,
} as const;

/** A message that is not what it says: its sender is not to be trusted with more. */
export class WireError extends Error {
  constructor(message = 'a message ends before its fields do') {
    super(message);
    this.name = 'WireError';
  }
}

/** Reads fields in order. Throws WireError at the end of the bytes. Strings are views, not copies. */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 1) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  boolean(): boolean {
    return this.#take(1)[0] !== 0;
  }

  byte(): number {
    return this.#take(1)[0]!;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  text(): string {
    return this.string().toString('utf8');
  }

  /** A positive number in its shortest form, without the zero of its sign. Throws WireError for any other. */
  number(): Buffer {
    const bytes = this.string();
    const [first = 0, second = 0] = bytes;
    if (first >= 0x80 || (first === 0 && second < 0x80)) throw new WireError('a number is not in its one form');
    return first === 0 ? bytes.subarray(1) : bytes;
  }

  /** Throws WireError when there is more. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new WireError('a message goes on after its fields');
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new WireError();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** A number is a uint32, a bigint a uint64; a string or bytes go with their length in front. */
export type Field = number | bigint | boolean | string | Buffer;

/** A message with its fields. */
export function message(type: number, ...fields: Field[]): Buffer {
  return Buffer.concat([Buffer.from([type]), ...fields.flatMap(encode)]);
}

/** Fields without a message's number in front: what keys, signatures and certificates are made of. */
export function record(...fields: Field[]): Buffer {
  return Buffer.concat(fields.flatMap(encode));
}

function encode(field: Field): Buffer[] {
  if (typeof field === 'boolean') return [Buffer.from([field ? 1 : 0])];
  if (typeof field === 'number') return [uint32(field)];
  if (typeof field === 'bigint') return [uint64(field)];
  const bytes = typeof field === 'string' ? Buffer.from(field) : field;
  return [uint32(bytes.length), bytes];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
