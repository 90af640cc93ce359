/** A mend of ssh2 1.17 that both of its users need. Source: its lib/protocol/{Protocol,kex}.js. */

/** What is touched of the library's protocol; it declares none of it. */
export interface GuessedAt {
  _decipher: { _onPayload: (payload: Buffer) => unknown };
  _offer: { lists: Record<'kex' | 'serverHostKey', { array: string[] }> };
  _skipNextInboundPacket: boolean;
}

const keyExchangeInit = 20;
const cookieBytes = 16;

/**
 * A client may send its first packet of the key exchange on a guess, as Dropbear's does. The library drops that packet even
 * when the guess is right, and both sides wait for ever. Call it before the client's first packet is read.
 * Source: RFC 4253 §7.
 */
export function takeRightGuess(protocol: GuessedAt): void {
  const decipher = protocol._decipher;
  const original = decipher._onPayload;
  decipher._onPayload = (payload) => {
    const theirs = payload[0] === keyExchangeInit ? firstChoices(payload) : null;
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
