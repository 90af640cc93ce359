/**
 * New Ed25519 keys as files that every SSH program reads.
 * Source: OpenSSH, PROTOCOL.key ("openssh-key-v1"), without a passphrase.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { ed25519Blob, fingerprintOf, publicKeyText, readPublicKey } from './public-key.ts';
import { Reader, record, WireError } from './wire.ts';

export interface SshKeyPair {
  /** OpenSSH's PEM. */
  privateKey: string;
  /** `ssh-ed25519 base64`. */
  publicKey: string;
  fingerprint: string;
}

const magic = Buffer.from('openssh-key-v1\0');
/** The cipher `none` pads to this. */
const blockBytes = 8;
const lineLength = 70;

export function newSshKeyPair(comment = ''): SshKeyPair {
  const pair = generateKeyPairSync('ed25519');
  const blob = ed25519Blob(pair.publicKey);
  const { d = '', x = '' } = pair.privateKey.export({ format: 'jwk' });
  const publicBytes = Buffer.from(x, 'base64url');
  // Twice the same number, by which a reader sees that it has deciphered well.
  const check = randomBytes(4);
  const both = Buffer.concat([Buffer.from(d, 'base64url'), publicBytes]);
  const secret = padded(Buffer.concat([check, check, record('ssh-ed25519', publicBytes, both, comment)]));
  const body = Buffer.concat([magic, record('none', 'none', '', 1, blob, secret)]).toString('base64');
  const lines = body.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  const label = 'OPENSSH PRIVATE KEY';
  return {
    privateKey: [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n'),
    publicKey: publicKeyText('ssh-ed25519', blob),
    fingerprint: fingerprintOf(blob),
  };
}

/** `type base64` of what `newSshKeyPair` has written, without its secret half being looked at; null for anything else. */
export function publicHalfOf(privateKey: string): string | null {
  const [, base64 = ''] = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)-----END/.exec(privateKey) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (!bytes.subarray(0, magic.length).equals(magic)) return null;
  try {
    const fields = new Reader(bytes, magic.length);
    // Cipher, key derivation and its options, and how many keys there are.
    for (let i = 0; i < 3; i++) fields.string();
    fields.uint32();
    const key = readPublicKey(fields.string());
    return key && publicKeyText(key.type, key.blob);
  } catch (err) {
    if (err instanceof WireError) return null;
    throw err;
  }
}

/** With the bytes 1, 2, 3 … */
function padded(bytes: Buffer): Buffer {
  const missing = (blockBytes - (bytes.length % blockBytes)) % blockBytes;
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: missing }, (_, i) => i + 1))]);
}
