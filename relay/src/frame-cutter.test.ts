import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FrameCutter, OPCODE } from './frame-cutter.ts';

interface Frame {
  opcode: number;
  payload: Buffer;
  isFinal?: boolean;
  mask?: Buffer;
}

function header(frame: Frame, isMasked: boolean): Buffer {
  const { opcode, payload, isFinal = true } = frame;
  const first = (isFinal ? 0x80 : 0) | opcode;
  const flag = isMasked ? 0x80 : 0;
  if (payload.length < 126) return Buffer.from([first, flag | payload.length]);
  const long = Buffer.alloc(payload.length < 65_536 ? 4 : 10);
  long[0] = first;
  long[1] = flag | (long.length === 4 ? 126 : 127);
  if (long.length === 4) long.writeUInt16BE(payload.length, 2);
  else long.writeBigUInt64BE(BigInt(payload.length), 2);
  return long;
}

function masked(frame: Frame): Buffer {
  const mask = frame.mask ?? randomBytes(4);
  const payload = Buffer.from(frame.payload);
  for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
  return Buffer.concat([header(frame, true), mask, payload]);
}

function plain(frame: Frame): Buffer {
  return Buffer.concat([header(frame, false), frame.payload]);
}

/** Cuts the bytes in chunks of the given sizes (the last size repeats). */
function cutAll(cutter: FrameCutter, bytes: Buffer, nextSize: () => number): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = nextSize();
    // Pieces must survive what the cutter does next.
    out.push(...cutter.cut(Buffer.from(bytes.subarray(at, at + size))));
    at += size;
  }
  return Buffer.concat(out);
}

const sizes = [0, 1, 7, 63, 64, 65, 125, 126, 127, 1000, 65_535, 65_536, 200_000];

describe('the frame cutter', () => {
  it.each(sizes)('turns a masked frame of %d bytes into the unmasked one', (size) => {
    for (const mask of [Buffer.alloc(4), randomBytes(4)]) {
      const frame = { opcode: OPCODE.binary, payload: randomBytes(size), mask };
      const cutter = new FrameCutter();
      expect(Buffer.concat(cutter.cut(masked(frame))).equals(plain(frame))).toBe(true);
      expect(cutter.isAtBoundary).toBe(true);
    }
  });

  it('gives the same bytes however the stream is cut into chunks', () => {
    const frames: Frame[] = sizes.flatMap((size) => [
      { opcode: OPCODE.binary, payload: randomBytes(size), isFinal: false },
      { opcode: OPCODE.ping, payload: randomBytes(Math.min(size, 125)) },
      { opcode: OPCODE.continuation, payload: randomBytes(size), mask: Buffer.alloc(4) },
      { opcode: OPCODE.text, payload: Buffer.from('x'.repeat(size % 200)) },
    ]);
    const bytes = Buffer.concat(frames.map(masked));
    const expected = Buffer.concat(frames.map(plain));
    expect(cutAll(new FrameCutter(), bytes, () => 1).equals(expected)).toBe(true);
    for (const most of [3, 20, 200, 5_000, 65_536, 300_000]) {
      expect(cutAll(new FrameCutter(), bytes, () => randomInt(1, most + 1)).equals(expected)).toBe(true);
    }
  });

  it('joins what is left of a chunk into one piece', () => {
    const frames = Array.from({ length: 500 }, () => ({ opcode: OPCODE.binary, payload: randomBytes(randomInt(200)) }));
    const pieces = new FrameCutter().cut(Buffer.concat(frames.map(masked)));
    expect(pieces).toHaveLength(1);
    expect(pieces[0]!.equals(Buffer.concat(frames.map(plain)))).toBe(true);
  });

  it('knows when another frame may be put in between', () => {
    const bytes = masked({ opcode: OPCODE.binary, payload: randomBytes(300) });
    const cutter = new FrameCutter();
    cutter.cut(Buffer.from(bytes.subarray(0, 5)));
    expect(cutter.isAtBoundary).toBe(true);
    cutter.cut(Buffer.from(bytes.subarray(5, 100)));
    expect(cutter.isAtBoundary).toBe(false);
    cutter.cut(Buffer.from(bytes.subarray(100)));
    expect(cutter.isAtBoundary).toBe(true);
  });

  it('takes out the pongs that are its own and no others', () => {
    const cutter = new FrameCutter((payload) => payload.toString() === 'mine');
    const others = { opcode: OPCODE.pong, payload: Buffer.from('theirs') };
    const data = { opcode: OPCODE.binary, payload: Buffer.from('data') };
    const mine = { opcode: OPCODE.pong, payload: Buffer.from('mine') };
    const bytes = Buffer.concat([masked(data), masked(mine), masked(others), masked(mine), masked(data)]);
    const expected = Buffer.concat([plain(data), plain(others), plain(data)]);
    expect(Buffer.concat(cutter.cut(Buffer.from(bytes))).equals(expected)).toBe(true);
    expect(cutAll(new FrameCutter((p) => p.toString() === 'mine'), bytes, () => 1).equals(expected)).toBe(true);
  });

  it('passes a close on and nothing after it', () => {
    const close = { opcode: OPCODE.close, payload: Buffer.from([3, 232]) };
    const late = masked({ opcode: OPCODE.binary, payload: Buffer.from('late') });
    const cutter = new FrameCutter();
    const out = cutter.cut(Buffer.concat([masked(close), late]));
    expect(Buffer.concat(out).equals(plain(close))).toBe(true);
    expect(cutter.hasClosed).toBe(true);
    expect(cutter.cut(late)).toEqual([]);
  });

  it.each([
    ['reserved bits', [0xc2, 0x80], 1002],
    ['an unknown data opcode', [0x83, 0x80], 1002],
    ['an unknown control opcode', [0x8b, 0x80], 1002],
    ['a frame without mask', [0x82, 0x05], 1002],
    ['a control frame in fragments', [0x09, 0x80], 1002],
    ['a control frame of more than 125 bytes', [0x89, 0xfe, 0, 200, 0, 0, 0, 0], 1002],
    ['a length with its highest bit set', [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1002],
    ['a length beyond counting', [0x82, 0xff, 0x00, 0xff, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1009],
  ])('refuses %s after what came before it', (_name, bytes, code) => {
    const good = { opcode: OPCODE.binary, payload: Buffer.from('good') };
    for (const size of [1, 1000]) {
      const cutter = new FrameCutter();
      const out = cutAll(cutter, Buffer.concat([masked(good), Buffer.from(bytes)]), () => size);
      expect(out.equals(plain(good))).toBe(true);
      expect(cutter.failure).toMatchObject({ code });
      expect(cutter.cut(masked(good))).toEqual([]);
    }
  });
});
