/** Recovery codes: each stands in for a second factor, once. Random enough that a plain hash of one tells nothing. */
import { randomInt } from 'node:crypto';
import { hashSecret } from '../secrets.ts';

export const RECOVERY_CODES = 10;

/** Without letters and digits that look alike on paper. */
const ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz';
/** 16 of 31 signs are 79 bits: not to be found by trying, even with the database at hand. */
const LENGTH = 16;
const GROUP = 4;

export function newRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () => grouped(randomText()));
}

/** What was typed, as its hash; null for what cannot be one. */
export function recoveryCodeHash(typed: string): string | null {
  const text = typed.toLowerCase().replace(/[\s-]/g, '');
  return text.length === LENGTH && [...text].every((sign) => ALPHABET.includes(sign)) ? hashSecret(text) : null;
}

function randomText(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

function grouped(text: string): string {
  return text.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? text;
}
