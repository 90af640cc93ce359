/** Secrets that people and processes hold: made here, shown once, and stored as their SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';

/** A plain hash is enough, since the input has 256 random bits: there is nothing to guess. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export const TOKEN_PREFIXES = { user: 'easel_pat_', platform: 'easel_platform_' } as const;

/** A new token; its prefix says what it opens, for people and for secret scanners. */
export function newToken(kind: keyof typeof TOKEN_PREFIXES): string {
  return TOKEN_PREFIXES[kind] + randomBytes(32).toString('base64url');
}

/** 256 random bits as text that fits a URL and a cookie. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}
