/**
 * Public keys in SSH's own form, read strictly: one key has one form, and nothing follows it. Security keys (`sk-…`) carry
 * what they sign for beside the key itself.
 * Source: RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4; OpenSSH, PROTOCOL.u2f.
 */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { Reader, record, WireError } from './wire.ts';

export const KEY_TYPES = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** An RSA key of 16,384 bits takes 2 KiB. */
const maxBlobBytes = 12_288;
const ed25519Bytes = 32;
/** Larger exponents are nobody's, and make each check dear. */
const maxExponentBytes = 8;

export interface PublicKey {
  type: KeyType;
  blob: Buffer;
  jwk: JsonWebKey;
  /** What a security key signs for, `ssh:` with OpenSSH; null for all others. */
  application: string | null;
}

/** Null for anything but exactly one key of a known type. That a point lies on its curve is seen by `keyObjectOf`. */
export function readPublicKey(blob: Buffer): PublicKey | null {
  if (blob.length > maxBlobBytes) return null;
  try {
    const fields = new Reader(blob, 0);
    const type = fields.text();
    if (!isKeyType(type)) return null;
    const key = readKeyFields(type, fields);
    fields.end();
    return { type, blob, ...key };
  } catch (err) {
    if (err instanceof WireError) return null;
    throw err;
  }
}

export function isKeyType(text: string): text is KeyType {
  return (KEY_TYPES as readonly string[]).includes(text);
}

/** What comes after the type, here and inside of certificates. Throws WireError. */
export function readKeyFields(type: KeyType, fields: Reader): Pick<PublicKey, 'jwk' | 'application'> {
  switch (type) {
    case 'ssh-rsa': {
      const [e, n] = [fields.number(), fields.number()];
      if (e.length > maxExponentBytes) throw new WireError('the exponent of an RSA key is too large');
      return { jwk: { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') }, application: null };
    }
    case 'ssh-ed25519':
      return { jwk: ed25519(fields), application: null };
    case 'sk-ssh-ed25519@openssh.com':
      return { jwk: ed25519(fields), application: fields.text() };
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return { jwk: point('nistp256', fields), application: fields.text() };
    default:
      return { jwk: point(type.slice('ecdsa-sha2-'.length) as Curve, fields), application: null };
  }
}

/** Throws Node.js's own error for a point that is not on its curve, and for other numbers that are no key. */
export function keyObjectOf({ jwk }: Pick<PublicKey, 'jwk'>): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** `type base64`, as in a `.pub` file. */
export function publicKeyText(type: string, blob: Buffer): string {
  return `${type} ${blob.toString('base64')}`;
}

/** `SHA256:…`, as `ssh-keygen -l` writes it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The blob of an Ed25519 key, of which either half is given. */
export function ed25519Blob(key: KeyObject): Buffer {
  const { x = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  return record('ssh-ed25519', Buffer.from(x, 'base64url'));
}

const curves = {
  nistp256: { crv: 'P-256', bytes: 32 },
  nistp384: { crv: 'P-384', bytes: 48 },
  nistp521: { crv: 'P-521', bytes: 66 },
} as const;
type Curve = keyof typeof curves;

function ed25519(fields: Reader): JsonWebKey {
  const x = fields.string();
  if (x.length !== ed25519Bytes) throw new WireError('an Ed25519 key has 32 bytes');
  return { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') };
}

/** Uncompressed points only (RFC 5656 §3.1). */
function point(curve: Curve, fields: Reader): JsonWebKey {
  const { crv, bytes } = curves[curve];
  const named = fields.text();
  const xy = fields.string();
  if (named !== curve || xy[0] !== 4 || xy.length !== 1 + 2 * bytes) throw new WireError('a point is not of its curve');
  const x = xy.subarray(1, 1 + bytes).toString('base64url');
  return { kty: 'EC', crv, x, y: xy.subarray(1 + bytes).toString('base64url') };
}
