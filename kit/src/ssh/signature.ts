/**
 * Checks signatures of users' keys, and what a security key says with its own: that somebody touched it, and whether it
 * asked for a PIN or a finger. No key signs anything here without a touch.
 * Source: RFC 4252 §7, RFC 5656, RFC 8332, RFC 8709; OpenSSH, PROTOCOL.u2f, "SSH U2F signatures".
 */
import { createHash, verify } from 'node:crypto';
import { type KeyType, keyObjectOf, type PublicKey } from './public-key.ts';
import { Reader, WireError } from './wire.ts';

interface Algorithm {
  keyType: KeyType;
  hash: string | null;
  /** Bytes of each of the two numbers of an ECDSA signature. */
  ecdsaBytes?: number;
}

const algorithms: Readonly<Record<string, Algorithm>> = {
  'ssh-ed25519': { keyType: 'ssh-ed25519', hash: null },
  'sk-ssh-ed25519@openssh.com': { keyType: 'sk-ssh-ed25519@openssh.com', hash: null },
  'ecdsa-sha2-nistp256': { keyType: 'ecdsa-sha2-nistp256', hash: 'sha256', ecdsaBytes: 32 },
  'ecdsa-sha2-nistp384': { keyType: 'ecdsa-sha2-nistp384', hash: 'sha384', ecdsaBytes: 48 },
  'ecdsa-sha2-nistp521': { keyType: 'ecdsa-sha2-nistp521', hash: 'sha512', ecdsaBytes: 66 },
  'sk-ecdsa-sha2-nistp256@openssh.com': {
    keyType: 'sk-ecdsa-sha2-nistp256@openssh.com',
    hash: 'sha256',
    ecdsaBytes: 32,
  },
  'rsa-sha2-512': { keyType: 'ssh-rsa', hash: 'sha512' },
  'rsa-sha2-256': { keyType: 'ssh-rsa', hash: 'sha256' },
};

/** Signatures that a user's key may make; told to clients (RFC 8308 §3.1), which else might try SHA-1 with RSA. */
export const SIGNATURE_ALGORITHMS: readonly string[] = Object.keys(algorithms);

const userPresent = 0x01;
const userVerified = 0x04;

export interface Proof {
  /** Whether a security key asked for a PIN or a finger; null for keys that cannot say. */
  isUserVerified: boolean | null;
}

/** Whether keys of this type sign by this algorithm: RSA keys have two, all others one. */
export function signsBy(type: KeyType, algorithm: string): boolean {
  return Object.hasOwn(algorithms, algorithm) && algorithms[algorithm]?.keyType === type;
}

/**
 * What the signature proves when it is this key's, by this algorithm, over `data`; null when it is not, when it is malformed,
 * or when nobody touched the security key.
 */
export function proofOf(parts: { algorithm: string; key: PublicKey; signature: Buffer; data: Buffer }): Proof | null {
  const { algorithm, key, signature } = parts;
  if (!signsBy(key.type, algorithm)) return null;
  try {
    const fields = new Reader(signature, 0);
    if (fields.text() !== algorithm) return null;
    const bytes = fields.string();
    if (key.application === null) {
      fields.end();
      return isSigned(algorithm, key, bytes, parts.data) ? { isUserVerified: null } : null;
    }
    const flags = fields.byte();
    const counter = fields.uint32();
    fields.end();
    if ((flags & userPresent) === 0) return null;
    const data = securityKeyData(key.application, flags, counter, parts.data);
    return isSigned(algorithm, key, bytes, data) ? { isUserVerified: (flags & userVerified) !== 0 } : null;
  } catch {
    // Node.js throws for keys and signatures that are none; what they were sent for is refused all the same.
    return null;
  }
}

function isSigned(algorithm: string, key: PublicKey, signature: Buffer, data: Buffer): boolean {
  const { hash, ecdsaBytes } = algorithms[algorithm]!;
  const keyObject = keyObjectOf(key);
  if (ecdsaBytes === undefined) return verify(hash, data, keyObject, signature);
  return verify(hash, data, { key: keyObject, dsaEncoding: 'ieee-p1363' }, flat(signature, ecdsaBytes));
}

/** What a security key signs in place of the message. Its counter is not compared: nobody keeps the last one. */
export function securityKeyData(application: string, flags: number, counter: number, message: Buffer): Buffer {
  const hash = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest();
  const middle = Buffer.alloc(5);
  middle[0] = flags;
  middle.writeUInt32BE(counter, 1);
  return Buffer.concat([hash(application), middle, hash(message)]);
}

/** Two SSH numbers as two fields of fixed size. */
function flat(signature: Buffer, bytes: number): Buffer {
  const fields = new Reader(signature, 0);
  const out = Buffer.alloc(2 * bytes);
  for (const end of [bytes, 2 * bytes]) {
    const number = fields.number();
    if (number.length > bytes) throw new WireError('a number of a signature is too large');
    number.copy(out, end - number.length);
  }
  fields.end();
  return out;
}
