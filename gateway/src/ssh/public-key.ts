/** Public keys as they lie in `.pub` files. The server judges them; here only what must not be sent is caught. */
import { createHash } from 'node:crypto';
import { badUsage } from '../failure.ts';

export interface PublicKey {
  /** `ssh-ed25519 AAAA…` */
  readonly line: string;
  readonly comment: string;
  /** As `ssh-keygen -l` writes it. */
  readonly fingerprint: string;
}

/** A line of a `.pub` file, or null for anything else. */
export function parsePublicKeyLine(text: string): PublicKey | null {
  const [algorithm = '', base64 = '', ...comment] = text.trim().split(/\s+/);
  if (!/^[a-z0-9@.-]+$/.test(algorithm) || !/^[A-Za-z0-9+/]{40,}={0,2}$/.test(base64)) return null;
  const digest = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64');
  return {
    line: `${algorithm} ${base64}`,
    comment: comment.join(' '),
    fingerprint: `SHA256:${digest.replace(/=+$/, '')}`,
  };
}

/**
 * The one key in a file's text. Throws INVALID_INPUT: for a private key above all, which must never leave the machine.
 * `path` is for the message.
 */
export function readPublicKey(text: string, path: string): PublicKey {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File/m.test(text)) {
    const pub = path === '-' ? 'the one that ends in .pub' : `${path}.pub`;
    throw badUsage(`${path} is a private key, which must never leave this machine; add its public half: ${pub}`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [line, ...others] = lines;
  if (line === undefined) throw badUsage(`${path} is empty; expected a line like "ssh-ed25519 AAAA… you@machine"`);
  if (others.length > 0) throw badUsage(`${path} has ${lines.length} lines; add one key at a time`);
  const key = parsePublicKeyLine(line);
  if (!key) throw badUsage(`${path} is no public key; expected a line like "ssh-ed25519 AAAA… you@machine"`);
  return key;
}
