/** The few frames that the relay itself puts into a stream, unmasked as a server's are (RFC 6455 §5.1). */
import { randomBytes } from 'node:crypto';

/** No peer can guess it, so nobody's own pong is taken for an answer to our ping. */
const ownPayload = randomBytes(8);

/** A ping of ours: FIN, opcode 9. */
export const ownPing: Buffer = Buffer.concat([Buffer.from([0x89, ownPayload.length]), ownPayload]);

/** Whether a pong answers a ping of ours, and so is no part of the stream. */
export function isOwnPong(payload: Buffer): boolean {
  return payload.equals(ownPayload);
}

/** A close frame with nothing but its code. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff]);
}
