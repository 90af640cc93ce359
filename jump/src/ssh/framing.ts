/**
 * Binary packets (RFC 4253 §6) in a line's own memory, for the ciphers that encrypt in place: the library's own way takes
 * new memory for every packet. Source: RFC 5647 §7.2; OpenSSH, PROTOCOL.chacha20poly1305; ssh2 1.17, lib/protocol/crypto.js.
 */
import { randomFillSync } from 'node:crypto';
import type { Line } from '@easel/kit/line';
import crypto from 'ssh2/lib/protocol/crypto.js';

export interface Framing {
  /** Padding length, payload and padding together are a multiple of it. */
  blockBytes: number;
  tagBytes: number;
}

/** Four bytes of length and one of padding length come before it. */
export const payloadAt = 5;
const minPaddingBytes = 4;
const padding = Buffer.alloc(4_096);
let paddingAt = padding.length;

/** Undefined for ciphers whose packets the library must put together. */
export function framingOf(cipher: string): Framing | undefined {
  if (!crypto.bindingAvailable) return undefined;
  if (cipher === 'aes128-gcm@openssh.com' || cipher === 'aes256-gcm@openssh.com')
    return { blockBytes: 16, tagBytes: 16 };
  return cipher === 'chacha20-poly1305@openssh.com' ? { blockBytes: 8, tagBytes: 16 } : undefined;
}

/** Room for a packet, with all but its payload and tag. Throws RangeError for what no packet can hold. */
export function placePacket(line: Line, { blockBytes, tagBytes }: Framing, payloadBytes: number): Buffer {
  let paddingBytes = blockBytes - ((1 + payloadBytes) % blockBytes);
  if (paddingBytes < minPaddingBytes) paddingBytes += blockBytes;
  const end = payloadAt + payloadBytes + paddingBytes;
  const packet = line.reserve(end + tagBytes);
  packet.writeUInt32BE(end - 4);
  packet[4] = paddingBytes;
  if (paddingAt + paddingBytes > padding.length) {
    randomFillSync(padding);
    paddingAt = 0;
  }
  padding.copy(packet, payloadAt + payloadBytes, paddingAt, paddingAt + paddingBytes);
  paddingAt += paddingBytes;
  return packet;
}
