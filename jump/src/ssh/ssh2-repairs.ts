/**
 * What ssh2 1.17 needs to be told so that it can live on memory that is read into again.
 * Source: its lib/protocol/{Protocol,crypto}.js.
 */
import type Protocol from 'ssh2/lib/protocol/Protocol.js';

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
