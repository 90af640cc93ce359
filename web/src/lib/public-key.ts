/** Looks at a pasted or dropped public key before it is sent. What counts is what the server says; this is for quick help. */
import { texts } from './texts.ts';

const ALGORITHMS =
  /^(ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;
/** RSA keys of 16,384 bits are below this. */
export const KEY_FILE_LIMIT_BYTES = 16_384;

export type KeyCheck =
  | { isKey: true; algorithm: string; line: string; comment: string; bytes: Uint8Array<ArrayBuffer> }
  | { isKey: false; problem: string | null };

/** `problem` is null for an empty field. */
export function checkPublicKey(text: string): KeyCheck {
  const trimmed = text.trim();
  if (trimmed === '') return { isKey: false, problem: null };
  if (/PRIVATE KEY/.test(trimmed)) return { isKey: false, problem: texts.settings.keys.isPrivate };
  const [algorithm = '', blob = '', ...rest] = trimmed.split(/\s+/);
  const bytes = trimmed.includes('\n') ? null : decode(blob);
  if (!ALGORITHMS.test(algorithm) || !bytes || namedInside(bytes) !== algorithm) {
    return { isKey: false, problem: texts.settings.keys.notAKey };
  }
  return { isKey: true, algorithm, line: trimmed, comment: rest.join(' '), bytes };
}

function decode(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The blob begins with its own algorithm's name, as a string of RFC 4251 §5. */
function namedInside(bytes: Uint8Array): string {
  if (bytes.length < 4) return '';
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return length > 100 ? '' : new TextDecoder().decode(bytes.subarray(4, 4 + length));
}

/** `SHA256:…` as ssh-keygen shows it; null where the browser has no digest (pages not served over HTTPS or from this machine). */
export async function fingerprintOf(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `SHA256:${btoa(String.fromCharCode(...digest)).replace(/=+$/, '')}`;
}

/** A name for the key from its comment: `anna@laptop` becomes `laptop`. */
export const nameFrom = (comment: string): string => (comment.split('@').at(-1) ?? '').slice(0, 60);
