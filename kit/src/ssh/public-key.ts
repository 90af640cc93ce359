/** Checks signatures of users' keys (RFC 4253 §6.6, RFC 5656, RFC 8332, RFC 8709). */
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { Reader, WireError } from './wire.ts';

interface Algorithm {
  /** The type that stands in the key itself. */
  keyType: string;
  hash: string | null;
  toJwk(fields: Reader): JsonWebKey;
  /** Bytes of each of the two numbers of an ECDSA signature. */
  ecdsaBytes?: number;
}

const rsa = (hash: string): Algorithm => ({
  keyType: 'ssh-rsa',
  hash,
  toJwk: (fields) => {
    const e = base64Number(fields.string());
    return { kty: 'RSA', e, n: base64Number(fields.string()) };
  },
});

const ecdsa = (curve: string, crv: string, hash: string, ecdsaBytes: number): Algorithm => ({
  keyType: `ecdsa-sha2-${curve}`,
  hash,
  ecdsaBytes,
  toJwk: (fields) => {
    const named = fields.text();
    const point = fields.string();
    // Uncompressed points only (RFC 5656 §3.1).
    if (named !== curve || point[0] !== 4 || point.length !== 1 + 2 * ecdsaBytes) throw new WireError();
    const x = point.subarray(1, 1 + ecdsaBytes).toString('base64url');
    return { kty: 'EC', crv, x, y: point.subarray(1 + ecdsaBytes).toString('base64url') };
  },
});

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  [
    'ssh-ed25519',
    {
      keyType: 'ssh-ed25519',
      hash: null,
      toJwk: (fields: Reader) => ({ kty: 'OKP', crv: 'Ed25519', x: fields.string().toString('base64url') }),
    },
  ],
  ['rsa-sha2-256', rsa('sha256')],
  ['rsa-sha2-512', rsa('sha512')],
  ['ecdsa-sha2-nistp256', ecdsa('nistp256', 'P-256', 'sha256', 32)],
  ['ecdsa-sha2-nistp384', ecdsa('nistp384', 'P-384', 'sha384', 48)],
  ['ecdsa-sha2-nistp521', ecdsa('nistp521', 'P-521', 'sha512', 66)],
]);

/** The key in OpenSSH's form, or null when the algorithm is unknown here or is not one of this key. */
export function publicKeyText(algorithm: string, blob: Buffer): string | null {
  const known = algorithms.get(algorithm);
  if (!known || blob.length < 4) return null;
  try {
    const type = new Reader(blob, 0).text();
    return type === known.keyType ? `${type} ${blob.toString('base64')}` : null;
  } catch (err) {
    if (err instanceof WireError) return null;
    throw err;
  }
}

/** Whether `signature` (RFC 4252 §7) is this key's, by this algorithm, over `data`. False for anything malformed. */
export function isSignedBy(parts: { algorithm: string; blob: Buffer; signature: Buffer; data: Buffer }): boolean {
  const known = algorithms.get(parts.algorithm);
  if (!known) return false;
  try {
    const fields = new Reader(parts.signature, 0);
    if (fields.text() !== parts.algorithm) return false;
    const bytes = fields.string();
    const key = readKey(known, parts.blob);
    if (known.ecdsaBytes === undefined) return verify(known.hash, parts.data, key, bytes);
    return verify(known.hash, parts.data, { key, dsaEncoding: 'ieee-p1363' }, flat(bytes, known.ecdsaBytes));
  } catch {
    // Node.js throws for keys and signatures that are none; what they were sent for is refused all the same.
    return false;
  }
}

function readKey(algorithm: Algorithm, blob: Buffer): KeyObject {
  const fields = new Reader(blob, 0);
  if (fields.text() !== algorithm.keyType) throw new WireError();
  return createPublicKey({ key: algorithm.toJwk(fields), format: 'jwk' });
}

/** Two SSH numbers as two fields of fixed size. */
function flat(signature: Buffer, bytes: number): Buffer {
  const fields = new Reader(signature, 0);
  const out = Buffer.alloc(2 * bytes);
  for (const end of [bytes, 2 * bytes]) {
    const number = withoutZeros(fields.string());
    if (number.length > bytes) throw new WireError();
    number.copy(out, end - number.length);
  }
  return out;
}

function base64Number(bytes: Buffer): string {
  return withoutZeros(bytes).toString('base64url');
}

function withoutZeros(bytes: Buffer): Buffer {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  return bytes.subarray(at);
}
