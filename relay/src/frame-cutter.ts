/**
 * Turns the masked frames that a client sends into the unmasked ones that a server sends, in place and without ever holding
 * a message: a payload goes on as it comes. Only the few bytes of a header that is not yet whole are kept, and control
 * frames (at most 125 bytes), because the relay must know its own pongs and a close.
 *
 * States: header (boundary between frames; a start of a header may be carried) → payload (`#left` bytes to come) → header …
 * → closed (a close frame went by; nothing after it counts) or failed (a header that no WebSocket may send; RFC 6455 §5.2).
 * What belongs to whole messages (UTF-8, order of fragments, close codes) is left to the two ends: it is theirs to judge.
 */
import { unmask } from './mask.ts';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** RFC 6455 §5.5. */
const maxControlBytes = 125;
/** Two bytes, eight of length, four of mask. */
const maxHeaderBytes = 14;
const maskBytes = 4;

/** Why a header was refused: always close code 1002, or 1009 for a length that no computer can count. */
export interface FrameFailure {
  code: 1002 | 1009;
  reason: string;
}

export class FrameCutter {
  #failure: FrameFailure | undefined;
  #hasClosed = false;
  /** Payload bytes of the current frame that are still to come. */
  #left = 0;
  /** The mask of the next payload byte and its three followers, first byte highest; zero needs no work. */
  #mask = 0;
  #carry: Buffer | undefined;
  #carriedBytes = 0;
  readonly #isOwnPong: (payload: Buffer) => boolean;

  /** Pongs that `isOwnPong` knows are taken out of the stream. */
  constructor(isOwnPong: (payload: Buffer) => boolean = () => false) {
    this.#isOwnPong = isOwnPong;
  }

  /** What was passed on ends with a whole frame: another frame may be put in between. */
  get isAtBoundary(): boolean {
    return this.#left === 0;
  }

  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  get failure(): FrameFailure | undefined {
    return this.#failure;
  }

  /** Cuts a chunk, which it owns from now on, and gives what is to be passed on: none, one or two pieces in order. */
  cut(chunk: Buffer): Buffer[] {
    if (this.#hasClosed || this.#failure) return [];
    const pieces: Buffer[] = [];
    let start = 0;
    if (this.#carriedBytes > 0) {
      start = this.#fillCarry(chunk);
      const carried = this.#carry!.subarray(0, this.#carriedBytes);
      if (!isWhole(carried, 0, carried.length)) return [];
      // It goes on as a piece of its own, so the next start needs another.
      this.#carry = undefined;
      this.#carriedBytes = 0;
      const header = this.#cutFrom(carried, 0);
      if (header) pieces.push(header);
    }
    const rest = start < chunk.length ? this.#cutFrom(chunk, start) : undefined;
    if (rest) pieces.push(rest);
    return pieces;
  }

  /** Takes from the chunk what the carried start of a frame lacks; gives how much that was. */
  #fillCarry(chunk: Buffer): number {
    const carry = this.#carry!;
    let taken = 0;
    while (taken < chunk.length && !isWhole(carry, 0, this.#carriedBytes))
      carry[this.#carriedBytes++] = chunk[taken++]!;
    return taken;
  }

  #cutFrom(chunk: Buffer, start: number): Buffer | undefined {
    const end = chunk.length;
    joint.reset();
    for (let at = start; at < end && !this.#hasClosed && !this.#failure; ) {
      if (this.#left > 0) {
        const length = Math.min(this.#left, end - at);
        this.#takePayload(chunk, at, length);
        joint.add(at, at + length);
        at += length;
      } else if (isWhole(chunk, at, end)) {
        at += this.#takeHeader(chunk, at);
      } else {
        this.#carry ??= Buffer.allocUnsafeSlow(maxHeaderBytes + maxControlBytes);
        this.#carriedBytes = chunk.copy(this.#carry, 0, at, end);
        break;
      }
    }
    return joint.join(chunk);
  }

  #takePayload(chunk: Buffer, at: number, length: number): void {
    this.#left -= length;
    if (this.#mask === 0) return;
    unmask(chunk, at, length, this.#mask);
    const turned = (length & 3) * 8;
    if (turned > 0) this.#mask = (this.#mask << turned) | (this.#mask >>> (32 - turned));
  }

  /** Gives how many bytes of the chunk the header, or the whole control frame, had. */
  #takeHeader(chunk: Buffer, at: number): number {
    const first = chunk[at]!;
    const second = chunk[at + 1]!;
    this.#failure = failureOf(first, second);
    if (this.#failure) return 0;
    const plainBytes = plainHeaderBytes(second);
    const payloadBytes = lengthOf(chunk, at, second);
    if (payloadBytes > Number.MAX_SAFE_INTEGER) {
      // The highest bit must be 0 (§5.2); below it, no frame of this size was ever meant.
      this.#failure = { code: chunk[at + 2]! >= 0x80 ? 1002 : 1009, reason: 'a frame longer than can be counted' };
      return 0;
    }
    const maskAt = at + plainBytes;
    const payloadAt = maskAt + maskBytes;
    this.#mask = chunk.readInt32BE(maskAt);
    this.#left = payloadBytes;
    const opcode = first & 0x0f;
    if (opcode >= OPCODE.close) {
      this.#takePayload(chunk, payloadAt, payloadBytes);
      const frameEnd = payloadAt + payloadBytes;
      if (opcode === OPCODE.pong && this.#isOwnPong(chunk.subarray(payloadAt, frameEnd))) return frameEnd - at;
      this.#hasClosed = opcode === OPCODE.close;
      moveHeader(chunk, at, plainBytes);
      joint.add(at + maskBytes, frameEnd);
      return frameEnd - at;
    }
    moveHeader(chunk, at, plainBytes);
    joint.add(at + maskBytes, payloadAt);
    return payloadAt - at;
  }
}

/** Whether all is there that must be seen at once: a header, and the payload too of a control frame. */
function isWhole(bytes: Buffer, at: number, end: number): boolean {
  const available = end - at;
  if (available < 2) return false;
  const second = bytes[at + 1]!;
  // A header that is refused for its first two bytes needs no more of them.
  if (failureOf(bytes[at]!, second)) return true;
  const headerBytes = plainHeaderBytes(second) + maskBytes;
  const isControl = (bytes[at]! & 0x0f) >= OPCODE.close;
  return available >= headerBytes + (isControl ? second & 0x7f : 0);
}

function failureOf(first: number, second: number): FrameFailure | undefined {
  const opcode = first & 0x0f;
  const isControl = opcode >= OPCODE.close;
  if ((first & 0x70) !== 0) return { code: 1002, reason: 'reserved bits are set' };
  if ((opcode > OPCODE.binary && !isControl) || opcode > OPCODE.pong) return { code: 1002, reason: 'unknown opcode' };
  if ((second & 0x80) === 0) return { code: 1002, reason: 'frames to the relay must be masked' };
  if (isControl && (first & 0x80) === 0) return { code: 1002, reason: 'a control frame in fragments' };
  if (isControl && (second & 0x7f) > maxControlBytes) return { code: 1002, reason: 'a control frame is too long' };
  return undefined;
}

function plainHeaderBytes(second: number): number {
  const length = second & 0x7f;
  return length === 127 ? 10 : length === 126 ? 4 : 2;
}

function lengthOf(chunk: Buffer, at: number, second: number): number {
  const length = second & 0x7f;
  if (length === 127) return chunk.readUInt32BE(at + 2) * 2 ** 32 + chunk.readUInt32BE(at + 6);
  return length === 126 ? chunk.readUInt16BE(at + 2) : length;
}

/** Puts the header over its own mask, so that it stands right before its payload, and says "not masked". */
function moveHeader(chunk: Buffer, at: number, plainBytes: number): void {
  for (let i = plainBytes - 1; i >= 0; i--) chunk[at + maskBytes + i] = chunk[at + i]!;
  chunk[at + maskBytes + 1]! &= 0x7f;
}

/**
 * The parts of one chunk that go on, each from `from` to `to`. `join` closes the gaps between them: the largest part stays
 * where it is and the others are moved to it, which is cheaper than one write for each.
 */
const joint = {
  from: [] as number[],
  to: [] as number[],
  count: 0,

  reset(): void {
    this.count = 0;
  },

  add(from: number, to: number): void {
    if (to === from) return;
    if (this.count > 0 && this.to[this.count - 1] === from) {
      this.to[this.count - 1] = to;
      return;
    }
    this.from[this.count] = from;
    this.to[this.count++] = to;
  },

  join(chunk: Buffer): Buffer | undefined {
    const { from, to, count } = this;
    if (count === 0) return undefined;
    let largest = 0;
    for (let i = 1; i < count; i++) if (to[i]! - from[i]! > to[largest]! - from[largest]!) largest = i;
    let start = from[largest]!;
    for (let i = largest - 1; i >= 0; i--) {
      start -= to[i]! - from[i]!;
      chunk.copyWithin(start, from[i]!, to[i]!);
    }
    let end = to[largest]!;
    for (let i = largest + 1; i < count; i++) {
      chunk.copyWithin(end, from[i]!, to[i]!);
      end += to[i]! - from[i]!;
    }
    return chunk.subarray(start, end);
  },
};
