/** Secrets that people and processes hold: made here, shown once, and stored as their SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A plain hash is enough, since the input has 256 random bits: there is nothing to guess. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export const TOKEN_PREFIXES = {
  user: 'easel_pat_',
  platform: 'easel_platform_',
  access: 'easel_at_',
  client: 'easel_cs_',
} as const;

/**
 * A new token; its prefix says what it opens, for people and for secret scanners, and its last six characters are a checksum
 * of the rest, so that a scanner is never wrong. The server does not ask for it: tokens of before have none.
 */
export function newToken(kind: keyof typeof TOKEN_PREFIXES): string {
  const text = TOKEN_PREFIXES[kind] + randomBytes(32).toString('base64url');
  return text + checksumOf(text);
}

const CHECKSUM_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** CRC-32 (RFC 1952 §8) in base 62, six characters. */
export function checksumOf(text: string): string {
  let digits = '';
  for (let rest = crc32(text); digits.length < 6; rest = Math.floor(rest / 62)) {
    digits = (CHECKSUM_ALPHABET[rest % 62] ?? '') + digits;
  }
  return digits;
}

/** 256 random bits as text that fits a URL and a cookie. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}
