/**
 * What ssh2 1.17 needs to be told so that it can live on memory that is read into again, and with clients that guess.
 * Source: its lib/protocol/{Protocol,kex,crypto}.js.
 */
import type Protocol from 'ssh2/lib/protocol/Protocol.js';
import { MESSAGE } from './wire.ts';

const cookieBytes = 16;

/** Its key exchange keeps what it is handed. Call it whenever the library has chosen the way of the next packets. */
export function copyPayloads({ _decipher: decipher }: Protocol): void {
  const original = decipher._onPayload;
  decipher._onPayload = (payload) => original(Buffer.from(payload));
}

/** After `chunk` has been parsed: a view of it that waits for its rest gets memory of its own. */
export function keepWhatWaits(protocol: Protocol, chunk: Buffer): void {
  const { _decipher: decipher, _buffer: line } = protocol;
  if (line?.buffer === chunk.buffer) protocol._buffer = Buffer.from(line);
  const packet = decipher?._packet;
  if (packet && packet.buffer === chunk.buffer) decipher._packet = Buffer.from(packet);
}

/**
 * A client may send its first packet of the key exchange on a guess, as Dropbear's does. The library drops that packet even
 * when the guess is right, and both sides wait for ever. Call it before the client's first packet is read.
 * Source: RFC 4253 §7.
 */
export function takeRightGuess(protocol: Protocol): void {
  const decipher = protocol._decipher;
  const original = decipher._onPayload;
  decipher._onPayload = (payload) => {
    const theirs = payload[0] === MESSAGE.keyExchangeInit ? firstChoices(payload) : null;
    const result = original(payload);
    if (theirs) {
      const { kex, serverHostKey } = protocol._offer.lists;
      const isRight = theirs.kex === kex.array[0] && theirs.hostKey === serverHostKey.array[0];
      if (isRight) protocol._skipNextInboundPacket = false;
    }
    return result;
  };
}

function firstChoices(payload: Buffer): { kex: string; hostKey: string } | null {
  const kexAt = 1 + cookieBytes;
  if (payload.length < kexAt + 4) return null;
  const hostKeyAt = kexAt + 4 + payload.readUInt32BE(kexAt);
  if (payload.length < hostKeyAt + 4) return null;
  const first = (at: number) => payload.toString('latin1', at + 4, at + 4 + payload.readUInt32BE(at)).split(',')[0]!;
  return { kex: first(kexAt), hostKey: first(hostKeyAt) };
}
