/**
 * The code that a person types: eight consonants, so that it spells no word and no digit is taken for a letter. 34 bits, which
 * is enough only since guesses are counted; so it is kept under the server's key, not as a plain hash.
 * Source: RFC 8628 §6.1.
 */
import { randomInt } from 'node:crypto';

const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;
const GROUP = 4;

/** As it is shown: `BCDF-GHJK`. */
export function newUserCode(): string {
  const text = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return `${text.slice(0, GROUP)}-${text.slice(GROUP)}`;
}

/** What was typed, in the one form that is compared; null for what cannot be one. */
export function parseUserCode(typed: string): string | null {
  const text = typed.toUpperCase().replace(/[\s-]/g, '');
  return text.length === LENGTH && [...text].every((sign) => ALPHABET.includes(sign)) ? text : null;
}
